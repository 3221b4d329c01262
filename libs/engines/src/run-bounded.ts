import { spawn, type ChildProcess } from 'node:child_process';

export interface RunOptions {
  env: Record<string, string | undefined>;
  cwd?: string;
  /** Ends the program and everything it started; the run then rejects with the signal's reason. */
  signal: AbortSignal;
  /** An abort asks it to end, and kills it after this long. Default 0: it is killed at once. */
  graceMs?: number;
  onOutput: (chunk: string) => void;
}

export interface RunResult {
  /** null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * Runs a program in a process group of its own, so that an abort reaches its children as well.
 * Rejects when it can not be started or was aborted; any exit code resolves.
 */
export async function run(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  options.signal.throwIfAborted();
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let killer: NodeJS.Timeout | undefined;
  const end = () => {
    if (!options.graceMs) return signalGroup(child, 'SIGKILL');
    signalGroup(child, 'SIGTERM');
    killer = setTimeout(() => signalGroup(child, 'SIGKILL'), options.graceMs);
  };
  options.signal.addEventListener('abort', end, { once: true });
  try {
    const result = await ended(child, options);
    options.signal.throwIfAborted();
    return result;
  } finally {
    options.signal.removeEventListener('abort', end);
    clearTimeout(killer);
    signalGroup(child, 'SIGKILL');
  }
}

function ended(child: ChildProcess, { onOutput, signal }: RunOptions): Promise<RunResult> {
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', onOutput);
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, by) => resolve({ code, signal: by }));
    // A grandchild that left the group would hold the pipes open for ever.
    child.on('exit', () => {
      if (!signal.aborted) return;
      child.stdout?.destroy();
      child.stderr?.destroy();
    });
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
