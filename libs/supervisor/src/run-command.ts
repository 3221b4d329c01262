import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { environmentOf } from './command.js';
import { SupervisorError } from './process.errors.js';
import type { ProcessSpec } from './supervisor.js';

const MAX_OUTPUT_BYTES = 1024 * 1024;

export interface CommandOptions extends Pick<ProcessSpec, 'env' | 'cwd' | 'user'> {
  /** The command is killed when it takes longer. */
  timeoutMs: number;
}

export class CommandFailedError extends SupervisorError {
  readonly code = 'command-failed';

  constructor(file: string, reason: string, output: string, options?: ErrorOptions) {
    const tail = output.trim().split('\n').slice(-10).join('\n');
    super(`${basename(file)} failed: ${reason}${tail === '' ? '' : `\n${tail}`}`, options);
  }
}

/**
 * Runs a program to its end; resolves with its standard output, 1 MiB at most.
 * @throws CommandFailedError when it can not start, takes too long or ends with another code than 0.
 */
export function runCommand(
  file: string,
  args: readonly string[],
  { timeoutMs, user, cwd = '/', env }: CommandOptions,
): Promise<string> {
  const options = {
    cwd,
    env: environmentOf({ name: '', file, args, ...(env ? { env } : {}) }),
    timeout: timeoutMs,
    killSignal: 'SIGKILL' as const,
    maxBuffer: MAX_OUTPUT_BYTES,
    ...user,
  };
  return new Promise((resolve, reject) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const reason = error.killed ? `it took longer than ${timeoutMs} ms` : reasonOf(error);
      reject(new CommandFailedError(file, reason, stderr || stdout, { cause: error }));
    });
  });
}

function reasonOf({ code, message }: { code?: unknown; message: string }): string {
  return typeof code === 'number' ? `exit code ${code}` : message;
}
