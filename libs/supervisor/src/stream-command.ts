import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { environmentOf } from './command.js';
import { describeExit } from './exit-watch.js';

const MAX_COMPLAINT_CHARS = 300;

export interface StreamedCommand {
  /** Its standard output. While that is not read, the program waits. */
  output: Readable;
  /** Resolves when it has ended, with how. Never rejects. */
  ended: Promise<string>;
  /** At once, whatever it is doing. */
  end: () => void;
}

/** Runs a program for whoever reads what it writes. The caller ends it. */
export function streamCommand(file: string, args: readonly string[]): StreamedCommand {
  const env = environmentOf({ name: '', file, args });
  const child = spawn(file, args, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-MAX_COMPLAINT_CHARS);
  });
  const ended = Promise.withResolvers<string>();
  child.once('error', (error) => ended.resolve(`without having begun: ${error.message}`));
  child.once('exit', (code, signal) => {
    const said = complaint.trim();
    ended.resolve(describeExit({ code, signal }) + (said === '' ? '' : `: ${said}`));
  });
  const end = () => {
    child.kill('SIGKILL');
    child.stdout.destroy();
  };
  return { output: child.stdout, ended: ended.promise, end };
}
