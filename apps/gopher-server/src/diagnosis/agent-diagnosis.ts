import type { Application, Check } from '@gopher/diagnosis';
import type { AgentTarget } from '@gopher/machine';

/** What a target, named by its rathole service, is declared to speak. */
export interface DeclaredTarget {
  service: string;
  speaks: Application;
}

export interface DiagnosisRequest {
  /** Of the data client's configuration, lower-case hex; null: it is not known what is wanted. */
  expectedSha256: string | null;
  /** At most 1000. */
  declared: readonly DeclaredTarget[];
}

export interface AgentFindings {
  checks: Check[];
  /** How many more it sent that are not taken. */
  omitted: number;
}

export interface Examination {
  /** Milliseconds that a call took on a connection that stood already. */
  roundTripMs: number;
  /** `too-old`: the agent does not know the call. `silence`: it answers, but not to this. */
  answer: AgentFindings | { silence: string } | 'too-old';
}

/** What a report needs of an agent. */
export abstract class AgentDiagnosis {
  /**
   * Over a connection that is made now. What comes back is bounded, and to be trusted no more than
   * the machine. @throws AgentUnreachableError
   */
  abstract examine(target: AgentTarget, request: DiagnosisRequest): Promise<Examination>;
}
