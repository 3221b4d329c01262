import type { AgentTarget, HostSample } from '@gopher/machine';

/** `older`: an agent that does not know how to measure. */
export interface MetricStreamEnd {
  older: boolean;
  reason: string;
}

/** What the edge needs of an agent to measure its machine. */
export abstract class AgentMetricClient {
  /** A sample at once, then one after each interval. Resolves with why it ended. */
  abstract follow(
    target: AgentTarget,
    intervalMs: number,
    onSample: (sample: HostSample) => void,
    signal: AbortSignal,
  ): Promise<MetricStreamEnd>;
}
