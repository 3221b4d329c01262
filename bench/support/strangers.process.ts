import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { serveParent } from './serve-parent.js';

const SAYINGS = {
  silent: () => null,
  /** Of the first message of Noise, which has 48 bytes: its length, and not all of it. */
  'half a handshake': () => Buffer.concat([Buffer.from([48, 0]), randomBytes(20)]),
  rubbish: () => randomBytes(200),
};
/** Whoever is thrown out comes again, but not sooner than this after the last time. */
const AGAIN_MS = 1_000;
const GATHER_MS = 3_000;

export type StrangerKind = keyof typeof SAYINGS;
export type StrangersRequest =
  /** Answered when all of them have come. */
  { does: 'come'; kind: StrangerKind; count: number; address: string } | { does: 'leave' };

/** Strangers on a control port, each of whom says what its kind says, and waits. */
class Crowd {
  private readonly sockets = new Set<Socket>();
  private over = false;
  private readonly url: URL;

  constructor(
    private readonly kind: StrangerKind,
    address: string,
  ) {
    this.url = new URL(`tcp://${address}`);
  }

  /** Resolves when this one has come for the first time. */
  come(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cameAt = performance.now();
    const { hostname: host, port } = this.url;
    const socket = connect({ host, port: Number(port) });
    this.sockets.add(socket);
    socket.on('connect', () => {
      const says = SAYINGS[this.kind]();
      if (says) socket.write(says);
      resolve();
    });
    socket.on('error', () => socket.destroy()); // it comes again
    socket.on('close', () => {
      this.sockets.delete(socket);
      const pause = Math.max(0, cameAt + AGAIN_MS - performance.now());
      if (!this.over) setTimeout(() => this.over || void this.come(), pause);
    });
    socket.resume(); // to see its end
    return promise;
  }

  leave(): void {
    this.over = true;
    for (const socket of this.sockets) socket.destroy();
  }
}

let crowd: Crowd | undefined;

serveParent<StrangersRequest, null>(async (request) => {
  crowd?.leave();
  if (request.does === 'leave') return null;
  const coming = new Crowd(request.kind, request.address);
  crowd = coming;
  const all = Promise.all(Array.from({ length: request.count }, () => coming.come()));
  // A server that is behind takes some of them later.
  await Promise.race([all, delay(GATHER_MS)]);
  return null;
});
