import { connect } from 'node:net';

/** What a visitor of a TCP port met. The visitor sends nothing: no service asked for its bytes. */
export type VisitOutcome =
  /** Nobody listens. */
  | { met: 'refused'; detail: string }
  /** The connection was accepted and ended again: behind rathole, that the target is not there. */
  | { met: 'closed' }
  /** The service spoke first. */
  | { met: 'bytes' }
  /** The connection stays open, and the other side waits for the visitor to speak. */
  | { met: 'silence' };

export interface Visit {
  host: string;
  port: number;
  /** How long a connection has to stay open to count as taken by the target. */
  quietMs: number;
  connectTimeoutMs: number;
}

export function visitTcp({ host, port, quietMs, connectTimeoutMs }: Visit): Promise<VisitOutcome> {
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    let timer = setTimeout(
      () => end({ met: 'refused', detail: `no answer within ${connectTimeoutMs} ms` }),
      connectTimeoutMs,
    );
    let connected = false;
    const end = (outcome: VisitOutcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    socket.on('connect', () => {
      connected = true;
      clearTimeout(timer);
      timer = setTimeout(() => end({ met: 'silence' }), quietMs);
    });
    socket.on('data', () => end({ met: 'bytes' }));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(connected ? { met: 'closed' } : { met: 'refused', detail: error.code ?? error.message }),
    );
    socket.on('end', () => end({ met: 'closed' }));
  });
}
