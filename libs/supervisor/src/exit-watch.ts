import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { isAlive, type ProcessIdentity } from './proc.js';

/** Both null when it was not our child: only a parent learns them. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export function describeExit({ code, signal }: Exit): string {
  if (signal !== null) return `killed by ${signal}`;
  return code === null ? 'with an unknown exit code' : `with exit code ${code}`;
}

/** Notices the end of one process. Never keeps Node alive. */
export interface ExitWatch {
  /** Settles once, when the process has ended; never after `close`. */
  readonly exited: Promise<Exit>;
  /** Looks now, for the cases in which no event comes. */
  check(): void;
  close(): void;
}

export class ChildExitWatch implements ExitWatch {
  readonly exited: Promise<Exit>;
  private closed = false;

  constructor(child: ChildProcess) {
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (!this.closed) resolve({ code, signal });
      });
    });
    child.unref();
  }

  check(): void {}

  close(): void {
    this.closed = true;
  }
}

const POLL_MS = 500;

export class AdoptedExitWatch implements ExitWatch {
  readonly exited: Promise<Exit>;
  private settle!: (exit: Exit) => void;
  private socket: Socket | null = null;
  private timer: NodeJS.Timeout | null = null;
  private closed = false;

  /** @param fifo null when the process holds no exit FIFO of ours. */
  constructor(
    private readonly identity: ProcessIdentity,
    fifo: string | null,
  ) {
    this.exited = new Promise((resolve) => (this.settle = resolve));
    // What we did not start gives us nothing to wait on: inotify is silent about /proc, and Node
    // has no pidfd. One small read every half second is the price.
    if (fifo === null) this.poll(POLL_MS);
    else this.followOrPoll(fifo);
  }

  check(): void {
    if (this.closed || !this.isGone()) return;
    this.close();
    this.settle({ code: null, signal: null });
  }

  close(): void {
    this.closed = true;
    if (this.timer) clearTimeout(this.timer);
    this.socket?.destroy();
  }

  private followOrPoll(fifo: string): void {
    try {
      this.follow(fifo);
    } catch {
      this.poll(POLL_MS);
    }
  }

  private follow(fifo: string): void {
    // Without O_NONBLOCK the call itself would wait for a writer, on the main thread.
    const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      this.socket = new Socket({ fd, readable: true, writable: false });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.socket.on('error', () => {});
    // End-of-file comes shortly before the kernel shows the death. And a program may close what it
    // inherited and live on: the intervals grow, so that this case ends as ordinary polling.
    this.socket.on('close', () => this.poll(1));
    this.socket.resume();
    this.socket.unref();
    // A FIFO whose last writer left before it was opened never reports end-of-file.
    this.check();
  }

  private poll(ms: number): void {
    this.check();
    if (this.closed) return;
    this.timer = setTimeout(() => this.poll(Math.min(ms * 2, POLL_MS)), ms).unref();
  }

  private isGone(): boolean {
    try {
      return !isAlive(this.identity);
    } catch {
      return false; // not to be able to look is no proof of death
    }
  }
}
