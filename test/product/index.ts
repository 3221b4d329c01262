export { portBlock } from './ports.js';
export { NODE, Program, repositoryPath } from './program.js';
export { type Answer, type MachineView, TestEdge, type TunnelView } from './test-edge.js';
export { AGENT_FLAGS, TestMachine } from './test-machine.js';
export { until } from './until.js';
