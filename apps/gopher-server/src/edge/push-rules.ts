import type { AgentReport } from '@gopher/machine';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/**
 * `rest`: the machine has what is wanted. `prove`: it has, and waits for the confirmation. `keep`: it
 * would not take it, and will not be asked again. `push`: it has something else.
 */
export type PushStep = 'rest' | 'prove' | 'keep' | 'push';

type Reported = Pick<AgentReport, 'config' | 'reverted'>;

/** @param refused the content that the machine would not have; null: it has not said so */
export function stepFor(
  wanted: string,
  { config, reverted }: Reported,
  refused: string | null,
): PushStep {
  if (config?.sha256 === wanted) return config.state === 'unconfirmed' ? 'prove' : 'rest';
  const notTaken = reverted?.cause === 'not-taken' ? reverted.sha256 : null;
  return [refused, notTaken].includes(wanted) ? 'keep' : 'push';
}

/** Before a push that nobody could confirm is repeated; spread, so that a fleet does not do it at once. */
export function retryPushAfterMs(failures: number, random = Math.random()): number {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16), LONGEST_RETRY_MS);
  return longest * (0.5 + random / 2);
}
