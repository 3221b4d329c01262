import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Command } from './event-readers.process.js';

const PROGRAM = fileURLToPath(new URL('event-readers.process.ts', import.meta.url));

/** Readers of the events in a process of their own; they do one thing after the other. */
export class EventReaders {
  private readonly process: ChildProcess = fork(PROGRAM, { execArgv: [] });

  async ask<T = unknown>(command: Command): Promise<T> {
    const answered = once(this.process, 'message');
    this.process.send(command);
    const [{ answer, problem }] = (await answered) as [{ answer: T; problem?: string }];
    if (problem !== undefined) throw new Error(`The readers: ${problem}`);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.disconnect();
    await ended;
  }
}
