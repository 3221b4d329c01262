export { changeDatabase } from './edge-database.js';
export { DelayRelay, whyNoDelayRelay } from './delay-relay.js';
export { EventLog } from './event-log.js';
export { type AgentIdentity, agentIdentity, FakeAgent } from './fake-agent.js';
export { HttpTarget } from './http-target.js';
export { portBlock } from './ports.js';
export { NODE, Program, repositoryPath } from './program.js';
export { type MachineView, TestEdge, type TunnelView } from './test-edge.js';
export { TestHost } from './test-host.js';
export { TestMachine } from './test-machine.js';
export { until } from './until.js';
export { Download, untilServes, visit, Visitors } from './visitors.js';
export { HandRunClient } from './hand-run-client.js';
export { FRAMINGS, HttpMirror, post } from './http-mirror.js';
export { listens } from './listening.js';
export { payload, sha256 } from './payload.js';
export { TcpTarget } from './tcp-target.js';
export {
  type Carried,
  exchange,
  IdleConnection,
  refuses,
  serves,
  TcpDownload,
} from './tcp-visitor.js';
export { ratholePath, releasedRathole } from './rathole.js';
export { inverted, LONGEST_DATAGRAM, UdpTarget } from './udp-target.js';
export { refusesUdp, UdpVisitor } from './udp-visitor.js';
