import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ratholePath } from './rathole.js';

/** A rathole client as a person starts it: `rathole --client client.toml` in a folder of theirs. */
export class HandRunClient {
  private child: ChildProcess | undefined;

  constructor(readonly directory: string) {}

  get file(): string {
    return join(this.directory, 'client.toml');
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get running(): boolean {
    return this.child !== undefined && !hasEnded(this.child);
  }

  /** By rename: rathole may read half of a file that is written in place. */
  async write(toml: string): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    await writeFile(`${this.file}.new`, toml, { mode: 0o600 });
    await rename(`${this.file}.new`, this.file);
  }

  async start(): Promise<void> {
    const rathole = await ratholePath();
    const log = openSync(join(this.directory, 'rathole.log'), 'a');
    this.child = spawn(rathole, ['--client', 'client.toml'], {
      cwd: this.directory,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await once(this.child, 'spawn');
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || hasEnded(child)) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null;
