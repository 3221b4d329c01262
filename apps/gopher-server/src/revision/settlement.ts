import type { AgentReport } from '@gopher/machine';
import type { MachineRevision, RevisionOutcome } from './machine-revision.entity.js';

export interface Settlement {
  outcome: RevisionOutcome;
  reason: string | null;
}

type Reported = Pick<AgentReport, 'config' | 'reverted' | 'highestRevision'>;

/** What an agent's report says of a revision that is not settled; null: nothing, wait. */
export function settlement(
  { number, sha256 }: Pick<MachineRevision, 'number' | 'sha256'>,
  { config, reverted, highestRevision }: Reported,
): Settlement | null {
  if (reverted?.revision === number && reverted.sha256 === sha256) {
    return { outcome: 'reverted', reason: reverted.reason };
  }
  if (!config) return null;
  if (config.revision === number && config.sha256 === sha256) {
    return config.state === 'unconfirmed' ? null : { outcome: 'applied', reason: null };
  }
  if (number > Math.max(config.revision, highestRevision)) return null; // it has not arrived
  return { outcome: 'superseded', reason: `The machine has revision ${config.revision}` };
}
