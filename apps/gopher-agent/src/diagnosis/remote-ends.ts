import { type HostPort, parseHostPort } from '@gopher/rathole';
import { CLIENT_NAMES } from '../state/state-directory.js';
import { configOf, type Situation } from './situation.js';

/** Where the two clients are to find the edge: one place, but while the control client moves. */
export function remoteEnds({ clients }: Situation): HostPort[] {
  const addresses = CLIENT_NAMES.map((name) => configOf(clients[name])?.remoteAddr);
  return [...new Set(addresses)].flatMap((text) => {
    const end = text === undefined ? null : parseHostPort(text);
    return end ? [end] : [];
  });
}
