import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';

const CHUNK_BYTES = 16 * 1024;
const CHUNK_EVERY_MS = 10;

interface Stream {
  response: ServerResponse;
  sent: Hash;
}

/** A small service to publish: it says its name, and streams for as long as it is let. */
export class HttpTarget {
  private readonly streams = new Set<Stream>();
  private readonly timer = setInterval(() => this.feed(), CHUNK_EVERY_MS);

  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly server: Server,
  ) {}

  static async start(port: number, name = 'bytes'): Promise<HttpTarget> {
    const server = createServer((request, response) => {
      if (request.url === '/stream') target.streams.add({ response, sent: createHash('sha256') });
      else response.end(name);
    });
    const target = new HttpTarget(name, port, server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return target;
  }

  /** As a tunnel is told of it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends the streams; returns the SHA-256 of what was sent on each. */
  endStreams(): string[] {
    const ended = [...this.streams];
    this.streams.clear();
    for (const { response } of ended) response.end();
    return ended.map(({ sent }) => sent.digest('hex'));
  }

  close(): void {
    clearInterval(this.timer);
    this.endStreams();
    this.server.close();
    this.server.closeAllConnections();
  }

  private feed(): void {
    for (const { response, sent } of this.streams) {
      if (response.writableNeedDrain) continue;
      const chunk = randomBytes(CHUNK_BYTES);
      sent.update(chunk);
      response.write(chunk);
    }
  }
}
