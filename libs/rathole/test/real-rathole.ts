import { freePort } from '../../../test/product/free-port.js';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { engineCacheDir, locateRathole } from '../../engines/src/index.js';

export async function ratholeBinary(): Promise<string> {
  const { GOPHER_RATHOLE, PATH, ...env } = process.env;
  const { path } = await locateRathole({
    explicitPath: GOPHER_RATHOLE,
    cacheDir: engineCacheDir({ HOME: homedir(), ...env }),
    searchPath: PATH ?? '',
  });
  return path;
}

/** A folder with one configuration file, removed with everything that runs on it. */
export class RatholeProcess implements AsyncDisposable {
  readonly lines: string[] = [];
  private readonly listeners = new Set<() => void>();
  private child: ChildProcess | null = null;
  private exited: Promise<unknown> = Promise.resolve();
  exitCode: number | null = null;

  private constructor(
    private readonly binary: string,
    private readonly side: 'server' | 'client',
    private readonly dir: string,
  ) {}

  static async start(side: 'server' | 'client', toml: string): Promise<RatholeProcess> {
    const dir = await mkdtemp(join(tmpdir(), 'gopher-rathole-'));
    const self = new RatholeProcess(await ratholeBinary(), side, dir);
    await self.write(toml);
    self.launch();
    return self;
  }

  /** Beside, then renamed over the file: the one way that rathole reads whole. */
  async write(toml: string): Promise<void> {
    await writeFile(join(this.dir, 'next.toml'), toml);
    await rename(join(this.dir, 'next.toml'), this.file);
  }

  /** What it says from here on; the lines of one that ran before are gone. */
  launch(): void {
    this.lines.length = 0;
    const child = spawn(this.binary, [`--${this.side}`, this.file], {
      env: { RUST_BACKTRACE: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.add(line));
    }
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.exitCode = (code as number | null) ?? -1;
      this.add(`(ended: ${String(code ?? signal)})`);
    });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child?.kill(signal);
    await this.exited;
  }

  /** Looks again whenever a line arrives; the lines so far are the failure's message. */
  async until(what: string, reached: () => boolean, timeoutMs = 20_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => reached() && resolve();
    const expired = () => reject(new Error(`not reached: ${what}\n${this.lines.join('\n')}`));
    const timer = setTimeout(expired, timeoutMs);
    this.listeners.add(look);
    look();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.listeners.delete(look);
    }
  }

  has(text: string): boolean {
    return this.lines.some((line) => line.includes(text));
  }

  onLine(listener: (line: string) => void): void {
    this.listeners.add(() => listener(this.lines.at(-1)!));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.dir, { recursive: true, force: true });
  }

  private get file(): string {
    return join(this.dir, 'rathole.toml');
  }

  private add(line: string): void {
    this.lines.push(line);
    for (const listener of this.listeners) listener();
  }
}

/** What one new connection brings back for `sent`; '' when it is closed without a byte. */
export async function exchange(port: number, sent: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setTimeout(5_000, () => socket.destroy());
  socket.end(sent);
  let received = '';
  for await (const chunk of socket) received += String(chunk);
  return received;
}

/** Answers each connection with what it sent, in capitals. */
export async function startTarget(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => socket.write(String(data).toUpperCase()));
    socket.on('end', () => socket.end());
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
