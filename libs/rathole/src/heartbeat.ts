import type { RatholeClientConfig, RatholeServerConfig } from './config.js';
import { RatholeConfigError } from './config.errors.js';

/**
 * Only both sides together tell: a client that waits no longer than the server is silent drops its
 * tunnels again and again.
 * @throws RatholeConfigError
 */
export function assertHeartbeatsFit(
  { heartbeatIntervalS }: Pick<RatholeServerConfig, 'heartbeatIntervalS'>,
  { heartbeatTimeoutS }: Pick<RatholeClientConfig, 'heartbeatTimeoutS'>,
): void {
  if (heartbeatTimeoutS === 0) return;
  if (heartbeatIntervalS !== 0 && heartbeatTimeoutS > heartbeatIntervalS) return;
  const reason =
    heartbeatIntervalS === 0
      ? `is ${heartbeatTimeoutS} s, and the server sends no heartbeats`
      : `is ${heartbeatTimeoutS} s; it must exceed the server's interval, ${heartbeatIntervalS} s`;
  throw new RatholeConfigError('heartbeat-mismatch', 'client.heartbeat_timeout', reason);
}
