/**
 * Readers of /api/v1/events in a process of their own, so that what they cost is not counted as the
 * server's. Fast ones read; some of them through a relay that can stall; slow ones stop reading.
 */
import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface ReaderReport {
  slow: boolean;
  relayed: boolean;
  received: number;
  lost: number;
  losses: number;
  /** What came out of order or twice; empty: nothing. */
  disorder: string;
  /** Milliseconds from publishing to reading. */
  latencies: number[];
}

export type Command =
  | { does: 'open'; port: number; token: string; fast: number; relayed: number; slow: number }
  | { does: 'stop-reading' }
  | { does: 'read-on' }
  | { does: 'stall'; forMs: number }
  | { does: 'report' }
  /** Resolves with how much each of the fast ones without a relay has, at least. */
  | { does: 'progress' }
  | { does: 'leave' };

const AGE_EVERY = 50;

class Reader {
  private response: IncomingMessage | null = null;
  private request: ClientRequest | null = null;
  private rest = '';
  private next = 0;
  private received = 0;
  private lost = 0;
  private losses = 0;
  private disorder = '';
  private latencies: number[] = [];
  readonly slow: boolean;
  readonly relayed: boolean;

  constructor(kind: { slow: boolean; relayed: boolean }) {
    this.slow = kind.slow;
    this.relayed = kind.relayed;
  }

  async open(port: number, token: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}` };
    const path = '/api/v1/events?topics=events';
    this.request = get({ host: '127.0.0.1', port, path, headers, agent: false });
    this.request.on('error', () => {});
    const [response] = (await once(this.request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`It answered ${response.statusCode}`);
    this.response = response;
    response.setEncoding('latin1');
    response.on('error', () => {});
    response.on('data', (text: string) => this.read(text));
  }

  pause(): void {
    this.response?.pause();
  }

  resume(): void {
    this.response?.resume();
  }

  leave(): void {
    this.request?.destroy();
  }

  get told(): number {
    return this.received + this.lost;
  }

  report(): ReaderReport {
    const { slow, relayed, received, lost, losses, disorder, latencies } = this;
    this.latencies = [];
    return { slow, relayed, received, lost, losses, disorder, latencies };
  }

  private read(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) this.hear(block);
  }

  private hear(block: string): void {
    if (block.includes('event: lost\n')) return this.hearLoss(block);
    if (!block.includes('event: burst\n')) return;
    const at = block.indexOf('"n":') + 4;
    const n = Number(block.slice(at, block.indexOf(',', at)));
    if (n !== this.next && this.disorder === '')
      this.disorder = `${n} came instead of ${this.next}`;
    this.next = n + 1;
    this.received += 1;
    if (n % AGE_EVERY !== 0) return;
    const sent = block.indexOf('"sentAt":') + 9;
    const sentAt = Number(block.slice(sent, block.indexOf(',', sent)));
    this.latencies.push(performance.timeOrigin + performance.now() - sentAt);
  }

  private hearLoss(block: string): void {
    const { count } = JSON.parse(block.slice(block.indexOf('data: ') + 6)) as { count: number };
    this.lost += count;
    this.losses += 1;
    this.next += count;
  }
}

/** Passes bytes on both ways, or holds them. */
class Relay {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private isStalled = false;

  constructor(port: number) {
    this.server = createServer((inner) => {
      const outer = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        this.sockets.add(from);
        from.on('data', (bytes) => {
          if (!to.write(bytes)) from.pause();
        });
        to.on('drain', () => this.isStalled || from.resume());
        from.on('error', () => {});
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  async listen(): Promise<number> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  stall(forMs: number): void {
    this.isStalled = true;
    for (const socket of this.sockets) socket.pause();
    setTimeout(() => {
      this.isStalled = false;
      for (const socket of this.sockets) socket.resume();
    }, forMs);
  }

  close(): void {
    this.server.close();
  }
}

const readers: Reader[] = [];
let relay: Relay | null = null;

async function obey(command: Command): Promise<unknown> {
  switch (command.does) {
    case 'open': {
      const { port, token, fast, relayed, slow } = command;
      relay = new Relay(port);
      const relayPort = await relay.listen();
      const add = (kind: { slow: boolean; relayed: boolean }) => {
        const reader = new Reader(kind);
        readers.push(reader);
        return reader.open(kind.relayed ? relayPort : port, token);
      };
      // First, so that whoever was held up by them would come after them.
      for (let i = 0; i < slow; i += 1) await add({ slow: true, relayed: false });
      for (let i = 0; i < fast; i += 1) await add({ slow: false, relayed: false });
      for (let i = 0; i < relayed; i += 1) await add({ slow: false, relayed: true });
      return readers.length;
    }
    case 'stop-reading':
      for (const reader of readers) if (reader.slow) reader.pause();
      return null;
    case 'read-on':
      for (const reader of readers) if (reader.slow) reader.resume();
      return null;
    case 'stall':
      relay?.stall(command.forMs);
      return null;
    case 'progress':
      return Math.min(
        ...readers.filter((reader) => !reader.slow && !reader.relayed).map((reader) => reader.told),
      );
    case 'report':
      return readers.map((reader) => reader.report());
    case 'leave':
      for (const reader of readers) reader.leave();
      relay?.close();
      return null;
  }
}

process.on('message', (command: Command) => {
  void obey(command).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ problem: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
