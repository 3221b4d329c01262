import { type Visit, visit } from '@gopher/diagnosis';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import { reachable } from './reachable.js';

const CONNECT_TIMEOUT_MS = 3_000;
/** A service may take its time for the first byte; one that waits for the visitor takes for ever. */
const BYTE_TIMEOUT_MS = { declared: 5_000, undeclared: 1_000 };

/**
 * As a visitor does, through the tunnel's port on this edge.
 * @param patienceMs how long the first byte of a declared service may take
 */
export function visitTunnel(
  tunnel: Pick<Tunnel, 'bindAddress' | 'port' | 'target' | 'speaks'>,
  patienceMs = BYTE_TIMEOUT_MS.declared,
): Promise<Visit> {
  const { bindAddress, port, target, speaks } = tunnel;
  return visit({
    host: reachable(bindAddress),
    port,
    application: speaks,
    authority: target,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    byteTimeoutMs: speaks === null ? BYTE_TIMEOUT_MS.undeclared : patienceMs,
  });
}
