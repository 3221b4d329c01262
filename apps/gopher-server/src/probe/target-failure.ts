import type { Application, Visit } from '@gopher/diagnosis';
import type { TargetCheck } from '@gopher/proto';
import type { Leg, Tunnel } from '../tunnel/tunnel.entity.js';

export interface Failure {
  leg: Leg;
  reason: string;
}

const NAMES: Record<Application, string> = { http: 'HTTP', tls: 'TLS', banner: 'first' };

/**
 * Why a visitor whose connection was taken did not get what the target is declared to say.
 * @param found what the agent found of the target; null: it was not asked, or did not answer
 */
export function targetFailure(
  tunnel: Pick<Tunnel, 'target' | 'speaks'>,
  met: Exclude<Visit, { met: 'nobody' }>,
  found: TargetCheck | null,
): Failure {
  const { target } = tunnel;
  const leg = 'machine→target';
  if (found && !found.accepts) return unreachable(target, found.detail);
  if (met.met === 'bytes') return unspoken(tunnel, 'it answers with something else');
  if (found?.speaks === false) return unspoken(tunnel, found.detail);
  if (found?.speaks === true) {
    const reason = `${target} answers the agent, and nothing of it reaches a visitor`;
    return { leg: 'rathole→machine', reason };
  }
  if (met.met === 'silence') return unspoken(tunnel, 'it accepts, and says nothing');
  if (found) return { leg, reason: `${target} accepts connections and ends them without a byte` };
  return unreachable(target, '');
}

export function unreachable(target: string, detail: string): Failure {
  const why = detail === '' ? '' : `: ${detail}`;
  const reason = `The machine cannot reach ${target}${why}; is the service running there?`;
  return { leg: 'machine→target', reason };
}

function unspoken({ target, speaks }: Pick<Tunnel, 'target' | 'speaks'>, how: string): Failure {
  const what = speaks === null ? '' : ` ${NAMES[speaks]}`;
  const reason = `${target} does not speak${what}, as it is declared to: ${how}`;
  return { leg: 'machine→target', reason };
}
