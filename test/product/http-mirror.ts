import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { payload, sha256 } from './payload.js';
import type { Carried } from './tcp-visitor.js';

/** How the end of a body is told: RFC 9112, section 6. */
export const FRAMINGS = ['length', 'chunked', 'close'] as const;
export type Framing = (typeof FRAMINGS)[number];

const DEADLINE_MS = 60_000;

/** An HTTP service that answers a body with as many bytes of its own. */
export class HttpMirror {
  private constructor(private readonly server: Server) {}

  static async listen(port: number): Promise<HttpMirror> {
    const server = createServer((incoming, response) => {
      answer(incoming, response).catch(() => response.destroy());
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new HttpMirror(server);
  }

  get address(): string {
    const { address, port } = this.server.address() as { address: string; port: number };
    return `${address}:${port}`;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  const own = payload(size);
  response.setHeader('x-received', hash.digest('hex'));
  response.setHeader('x-sent', sha256(own));
  const framing = incoming.headers['x-framing'];
  if (framing === 'length') response.setHeader('content-length', size);
  if (framing === 'close') response.useChunkedEncodingByDefault = false;
  response.writeHead(200, 'OK');
  response.end(own);
}

/** Posts `size` random bytes to an HttpMirror, on a connection of its own. */
export async function post(
  address: string,
  size: number,
  framing: Framing,
): Promise<{ up: Carried; down: Carried; bytes: number }> {
  const own = payload(size);
  const outgoing = request(`http://${address}/`, {
    method: 'POST',
    agent: false,
    headers: {
      'x-framing': framing,
      ...(framing === 'chunked' ? {} : { 'content-length': size }),
    },
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  // Headers first: with a body in end() Node would write its length by itself.
  if (framing === 'chunked') outgoing.flushHeaders();
  outgoing.end(own);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const { 'x-received': arrived, 'x-sent': sent } = response.headers;
  return {
    up: { sent: sha256(own), arrived: String(arrived) },
    down: { sent: String(sent), arrived: hash.digest('hex') },
    bytes,
  };
}
