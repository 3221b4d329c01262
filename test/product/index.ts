export { type EdgeEvent, EventLog } from './event-log.js';
export { HttpTarget } from './http-target.js';
export { portBlock } from './ports.js';
export { NODE, Program, repositoryPath } from './program.js';
export { type Answer, type MachineView, TestEdge, type TunnelView } from './test-edge.js';
export { AGENT_FLAGS, TestMachine } from './test-machine.js';
export { until } from './until.js';
export { Download, untilServes, visit, Visitors, type Visits } from './visitors.js';
