import type { AgentTarget } from '@gopher/machine';
import type { TargetCheck, TargetExpectation } from '@gopher/proto';

/** What probes need of an agent. */
export abstract class AgentTargets {
  /**
   * How the targets of these services are, as seen from the machine; null: the agent is older than
   * such a question. @throws AgentUnreachableError
   */
  abstract check(
    agent: AgentTarget,
    expected: readonly TargetExpectation[],
  ): Promise<TargetCheck[] | null>;
}
