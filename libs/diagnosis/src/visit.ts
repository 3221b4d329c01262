import { connect } from 'node:net';
import { type Application, greetingOf, hasSpoken } from './application.js';

export interface VisitOptions {
  host: string;
  port: number;
  /** null: nothing is known of it, so that nothing is sent. */
  application: Application | null;
  /** host:port by which an HTTP request calls the service, and a TLS hello if it is a name. */
  authority: string;
  connectTimeoutMs: number;
  /** How long the first bytes may take; 0: they are not awaited. */
  byteTimeoutMs: number;
}

/** What a visitor of a TCP service met. */
export type Visit =
  /** Nobody accepted; `detail` is the code of the system's error, where there is one. */
  | { met: 'nobody'; detail: string }
  /** Accepted, and ended again without a byte. */
  | { met: 'end'; connectMs: number }
  /** Accepted, and nothing came in time, or was awaited. */
  | { met: 'silence'; connectMs: number }
  | Spoken;

export interface Spoken {
  met: 'bytes';
  /** Until the connection was accepted, with the lookup of a name. */
  connectMs: number;
  /** From there until the first byte. */
  firstByteMs: number;
  /** What of that the service itself took: without the round trip that connecting took as well. */
  answerMs: number;
  /** As declared; true where nothing was. */
  speaks: boolean;
}

const MAX_BYTES = 1_024;

/**
 * Connects, sends what `application` asks for and nothing else, and ends with the first bytes that
 * tell. Reads 1 KiB at most. Rejects never.
 */
export async function visit(options: VisitOptions): Promise<Visit> {
  const { host, port, application, connectTimeoutMs, byteTimeoutMs } = options;
  const greeting = await greetingOf(application, options.authority);
  const { promise, resolve } = Promise.withResolvers<Visit>();
  const socket = connect({ host, port, noDelay: true });
  const visitor = new Visitor(application);
  const nobody = (detail: string) => resolve({ met: 'nobody', detail });
  let timer = setTimeout(() => nobody(`no answer within ${connectTimeoutMs} ms`), connectTimeoutMs);
  socket.on('lookup', () => visitor.foundAddress());
  socket.on('connect', () => {
    visitor.accepted();
    clearTimeout(timer);
    timer = setTimeout(() => resolve(visitor.met('silence')), byteTimeoutMs);
    if (byteTimeoutMs === 0) resolve(visitor.met('silence'));
    else if (greeting) socket.write(greeting);
  });
  socket.on('data', (chunk) => {
    if (visitor.receive(chunk)) resolve(visitor.met('silence'));
  });
  socket.on('end', () => resolve(visitor.met('end')));
  socket.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // Who resets a connection has taken it, also before this side was told of that.
    if (visitor.isAccepted || code === 'ECONNRESET') resolve(visitor.met('end'));
    else nobody(code ?? message);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** What came of one connection, and when. */
class Visitor {
  private readonly begunAt = performance.now();
  private calledAt = this.begunAt;
  private acceptedAt: number | null = null;
  private firstByteAt: number | null = null;
  private received = Buffer.alloc(0);

  constructor(private readonly application: Application | null) {}

  get isAccepted(): boolean {
    return this.acceptedAt !== null;
  }

  foundAddress(): void {
    this.calledAt = performance.now();
  }

  accepted(): void {
    this.acceptedAt = performance.now();
  }

  /** Whether it has seen enough. */
  receive(chunk: Buffer): boolean {
    this.firstByteAt ??= performance.now();
    const rest = chunk.subarray(0, MAX_BYTES - this.received.length);
    this.received = Buffer.concat([this.received, rest]);
    return this.received.length === MAX_BYTES || this.speaks !== undefined;
  }

  /** @param otherwise what it met if no byte came */
  met(otherwise: 'end' | 'silence'): Visit {
    const acceptedAt = this.acceptedAt ?? performance.now();
    const connectMs = acceptedAt - this.begunAt;
    if (this.firstByteAt === null) return { met: otherwise, connectMs };
    const firstByteMs = this.firstByteAt - acceptedAt;
    const answerMs = Math.max(0, firstByteMs - (acceptedAt - this.calledAt));
    return { met: 'bytes', connectMs, firstByteMs, answerMs, speaks: this.speaks ?? false };
  }

  private get speaks(): boolean | undefined {
    return this.application === null || hasSpoken(this.application, this.received);
  }
}
