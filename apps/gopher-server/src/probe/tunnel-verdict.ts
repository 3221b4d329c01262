import type { Visit } from '@gopher/diagnosis';
import type { DataPathObservation } from '@gopher/machine';
import type { TargetCheck } from '@gopher/proto';
import type { Leg, Proof, Tunnel } from '../tunnel/tunnel.entity.js';
import { type Failure, targetFailure } from './target-failure.js';

/** How a tunnel is. */
export type Verdict =
  | { state: 'active'; proof: Proof }
  | { state: 'pending'; reason: string }
  | { state: 'failed'; leg: Leg; reason: string };

const BEING_TOLD = { state: 'pending', reason: 'The machine is being told' } as const;

export interface Evidence {
  outcome: Visit;
  /** null: the machine has no agent, or was not checked yet. */
  dataPath: DataPathObservation | null;
  hasAgent: boolean;
  /** What the agent finds of the target; null: it was not asked, or did not answer. */
  target: TargetCheck | null;
  /** What is wanted of the machine is on its way to it. */
  isPushing: boolean;
  /** How long the tunnel has been waiting to be served. */
  waitingMs: number;
  /** Why nothing is served on the whole edge; null: its rathole runs. */
  edgeProblem: string | null;
}

/** A machine that is on its way may take this long before its absence is called a failure. */
const PATIENCE_MS = 10_000;

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = { pending: 2_000, failed: 30_000 };

/**
 * A tunnel that is not up is tried again, quickly while it is new, then patiently. One that waits
 * for its machine reaches no service, which a visit could disturb, and someone may be waiting with
 * it: he has just fetched its client.toml.
 */
export function retryAfterMs({ state }: Verdict, attempts: number): number {
  const longest = state === 'pending' ? LONGEST_RETRY_MS.pending : LONGEST_RETRY_MS.failed;
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts, 8), longest);
}

type PathEvidence = Pick<Evidence, 'dataPath' | 'hasAgent' | 'waitingMs' | 'edgeProblem'>;
type Probed = Pick<Tunnel, 'target' | 'speaks' | 'port' | 'state'>;

export function tcpVerdict(tunnel: Probed, evidence: Evidence): Verdict {
  const { outcome, dataPath } = evidence;
  if (outcome.met === 'nobody') return notConnected(tunnel, evidence, outcome.detail);
  if (outcome.met === 'bytes' && outcome.speaks) return { state: 'active', proof: 'bytes' };
  if (outcome.met === 'silence') {
    // A released rathole accepts visitors for a client that is gone: open alone proves nothing.
    if (dataPath && !dataPath.serves) return notConnected(tunnel, evidence, dataPath.detail);
    if (tunnel.speaks === null) return { state: 'active', proof: 'accepted' };
  }
  // It may have been the target that it led to before.
  if (evidence.isPushing && isStillNew(tunnel, evidence)) return BEING_TOLD;
  return { state: 'failed', ...targetFailure(tunnel, outcome, evidence.target) };
}

export function udpVerdict(tunnel: Probed, evidence: PathEvidence, bound: boolean): Verdict {
  if (!bound) return notConnected(tunnel, evidence, 'the port is not bound');
  const { dataPath } = evidence;
  if (dataPath && !dataPath.serves) return notConnected(tunnel, evidence, dataPath.detail);
  return { state: 'active', proof: dataPath ? 'bound' : 'unverified' };
}

/** Of a tunnel that was up, and whose port rathole has closed. */
export function notServed({ port }: Pick<Tunnel, 'port'>, edgeProblem: string | null): Failure {
  if (edgeProblem !== null) return { leg: 'edge', reason: edgeProblem };
  return {
    leg: 'rathole→machine',
    reason: `The machine's rathole client is not connected: port ${port} is closed`,
  };
}

function notConnected(
  tunnel: Probed,
  { hasAgent, waitingMs, edgeProblem }: PathEvidence,
  detail: string,
): Verdict {
  const hasFailed = tunnel.state === 'failed';
  if (edgeProblem !== null && (hasFailed || waitingMs >= PATIENCE_MS)) {
    return { state: 'failed', ...notServed(tunnel, edgeProblem) };
  }
  if (!hasAgent) {
    if (hasFailed) return { state: 'failed', ...notServed(tunnel, null) };
    const reason =
      'The machine has not connected with this tunnel yet; it has no agent, so its client.toml ' +
      'has to be fetched there again';
    return { state: 'pending', reason };
  }
  // One that has failed waits for nothing new: to call it pending again would be untrue.
  if (isStillNew(tunnel, { waitingMs })) return BEING_TOLD;
  const reason = `The machine has not connected its data client for this tunnel (${detail})`;
  return { state: 'failed', leg: 'rathole→machine', reason };
}

const isStillNew = ({ state }: Probed, { waitingMs }: Pick<Evidence, 'waitingMs'>): boolean =>
  state !== 'failed' && waitingMs < PATIENCE_MS;
