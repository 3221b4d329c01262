import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { repositoryPath } from './program.js';

/** What the relay measured itself, in milliseconds. */
export interface Relayed {
  /** Between each SYN that it read and the SYN-ACK that it wrote for it. */
  connectMs: number[];
  /** The longest that a packet was held longer than it was meant to be. */
  lateMs: number;
}

let devices = 0;

/** Why this host has no way to delay packets; null: it has. */
export function whyNoDelayRelay(): string | null {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    execFileSync('ip', ['-Version'], { stdio: 'ignore' });
  } catch (error) {
    return `needs python3, iproute2 and /dev/net/tun: ${String(error)}`;
  }
  return process.getuid?.() === 0 ? null : 'only root may make a network device';
}

/**
 * One stretch of network that is as slow as wanted. What listens on `near` answers at `far` as well,
 * and each packet on that way takes `delay`, both ways: connecting, too, takes a round trip.
 */
export class DelayRelay implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: Interface,
    readonly near: string,
    readonly far: string,
  ) {}

  static async open(): Promise<DelayRelay> {
    devices += 1;
    const name = `gr${process.pid}x${devices}`;
    const network = `10.${100 + (process.pid % 100)}.${Math.floor(process.pid / 100) % 256}`;
    const [near, far] = [1, 2].map((host) => `${network}.${4 * devices + host}`) as [
      string,
      string,
    ];
    const script = repositoryPath('test/product/delay-relay.py');
    const child = spawn('python3', [script, name], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    await once(lines, 'line', { signal: AbortSignal.timeout(10_000) });
    execFileSync('ip', ['address', 'add', `${near}/30`, 'dev', name]);
    execFileSync('ip', ['link', 'set', name, 'up']);
    return new DelayRelay(child, lines, near, far);
  }

  /** From here on a round trip takes so much longer. */
  delay(roundTripMs: number): void {
    this.child.stdin!.write(`delay ${roundTripMs / 2_000}\n`);
  }

  /** Since the last time. */
  async report(): Promise<Relayed> {
    const answer = once(this.lines, 'line', { signal: AbortSignal.timeout(10_000) });
    this.child.stdin!.write('report\n');
    return JSON.parse(String((await answer)[0])) as Relayed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.stdin!.end();
    await exited;
  }
}
