import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const repositoryPath = (path: string): string =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Node 24, whatever runs the tests. */
export const NODE = process.execPath;

/** One of Gopher's own programs, as a child whose end the test decides. */
export class Program {
  private constructor(
    private readonly child: ChildProcess,
    readonly logFile: string,
    readonly exited: Promise<void>,
  ) {}

  /** @param prefix what the command begins with, as one that enters another host */
  static start(
    args: readonly string[],
    env: Record<string, string>,
    logFile: string,
    prefix: readonly string[] = [],
  ): Program {
    const log = openSync(logFile, 'a');
    const [file = NODE, ...rest] = [...prefix, NODE, ...args];
    const child = spawn(file, rest, {
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/', ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const exited = once(child, 'exit').then(() => {});
    return new Program(child, logFile, exited);
  }

  get pid(): number {
    const { pid } = this.child;
    // A signal to 0 would reach the test's own group.
    if (pid === undefined) throw new Error('The program did not start');
    return pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** null while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.child.exitCode;
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.running) this.child.kill(signal);
    // One that a test froze has to wake up to hear it.
    if (this.running) this.child.kill('SIGCONT');
    await this.exited;
  }
}
