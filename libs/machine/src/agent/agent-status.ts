export const AGENT_STATUSES = ['unknown', 'up', 'down'] as const;
export type AgentStatus = (typeof AGENT_STATUSES)[number];
