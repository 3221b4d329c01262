import type { DataPathObservation } from '@gopher/machine';
import type { Leg, Proof, Tunnel } from '../tunnel/tunnel.entity.js';
import type { VisitOutcome } from './visit-tcp.js';

/** What a probe makes of a tunnel. */
export type Verdict =
  | { state: 'active'; proof: Proof }
  | { state: 'pending'; reason: string }
  | { state: 'failed'; leg: Leg; reason: string };

export interface Evidence {
  outcome: VisitOutcome;
  /** null: the machine has no agent, or was not checked yet. */
  dataPath: DataPathObservation | null;
  hasAgent: boolean;
  /** What the agent said of the target when it was last given; null: nothing. */
  targetProblem: string | null;
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

type Probed = Pick<Tunnel, 'target' | 'port' | 'state'>;

export function tcpVerdict(tunnel: Probed, evidence: Evidence): Verdict {
  const { outcome, dataPath, targetProblem } = evidence;
  switch (outcome.met) {
    case 'bytes':
      return { state: 'active', proof: 'bytes' };
    case 'closed':
      return {
        state: 'failed',
        leg: 'machine→target',
        reason: `The machine cannot reach ${tunnel.target}${targetProblem ? `: ${targetProblem}` : ''}; is the service running there?`,
      };
    case 'refused':
      return notConnected(tunnel, evidence, outcome.detail);
    case 'silence':
      // rathole accepts visitors for a client that is gone: open alone proves nothing.
      if (dataPath && !dataPath.serves) return notConnected(tunnel, evidence, dataPath.detail);
      return { state: 'active', proof: 'accepted' };
  }
}

export function udpVerdict(
  tunnel: Probed,
  evidence: Omit<Evidence, 'outcome' | 'targetProblem'>,
  bound: boolean,
): Verdict {
  if (!bound) return notConnected(tunnel, evidence, 'the port is not bound');
  const { dataPath } = evidence;
  if (dataPath && !dataPath.serves) return notConnected(tunnel, evidence, dataPath.detail);
  return { state: 'active', proof: 'bound' };
}

/** Of a tunnel that was up, and whose port rathole has closed. */
export function notServed({ port }: Pick<Tunnel, 'port'>, edgeProblem: string | null): Verdict {
  if (edgeProblem !== null) return { state: 'failed', leg: 'edge', reason: edgeProblem };
  return {
    state: 'failed',
    leg: 'rathole→machine',
    reason: `The machine's rathole client is not connected: port ${port} is closed`,
  };
}

function notConnected(
  tunnel: Probed,
  { hasAgent, waitingMs, edgeProblem }: Omit<Evidence, 'outcome' | 'targetProblem'>,
  detail: string,
): Verdict {
  const hasFailed = tunnel.state === 'failed';
  if (edgeProblem !== null && (hasFailed || waitingMs >= PATIENCE_MS)) {
    return notServed(tunnel, edgeProblem);
  }
  if (!hasAgent) {
    if (hasFailed) return notServed(tunnel, null);
    const reason =
      'The machine has not connected with this tunnel yet; it has no agent, so its client.toml ' +
      'has to be fetched there again';
    return { state: 'pending', reason };
  }
  // One that has failed waits for nothing new: to call it pending again would be untrue.
  if (!hasFailed && waitingMs < PATIENCE_MS) {
    return { state: 'pending', reason: 'The machine is being told' };
  }
  const reason = `The machine has not connected its data client for this tunnel (${detail})`;
  return { state: 'failed', leg: 'rathole→machine', reason };
}
