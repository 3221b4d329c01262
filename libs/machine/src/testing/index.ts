export { agentReport, FakeAgentClient } from './fake-agent-client.js';
