import { AgentConfig } from './agent.config.js';

describe(AgentConfig.name, () => {
  it('has defaults for everything, also where a setting is empty', () => {
    expect(AgentConfig.parse({ GOPHER_AGENT_PORT: '' })).toMatchObject({
      stateDir: '/var/lib/gopher-agent',
      agentPort: null,
      checkPort: null,
      rathole: null,
      policyFile: '/etc/gopher-agent/policy.toml',
      logLevel: 'info',
      logs: 'files',
    });
  });

  it.each([
    ['GOPHER_AGENT_PORT', '70000'],
    ['GOPHER_AGENT_CHECK_PORT', 'x'],
    ['GOPHER_AGENT_STATE_DIR', 'relative'],
    ['GOPHER_RATHOLE', 'rathole'],
    ['GOPHER_AGENT_POLICY', 'policy.toml'],
    ['GOPHER_AGENT_LOG_LEVEL', 'loud'],
    ['GOPHER_AGENT_LOGS', 'paper'],
  ])('refuses %s=%s and says which setting it is', (name, value) => {
    expect(() => AgentConfig.parse({ [name]: value })).toThrow(name);
  });
});
