export const MACHINE_LOGS = ['agent', 'control', 'data'] as const;
/** What logs on a machine: gopher-agent and its two rathole clients. */
export type MachineLog = (typeof MACHINE_LOGS)[number];

export const EDGE_LOGS = ['server', 'rathole'] as const;
/** What logs on this edge: gopher-server and its rathole server. */
export type EdgeLog = (typeof EDGE_LOGS)[number];
