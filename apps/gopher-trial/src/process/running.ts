import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

export interface RunningProcess {
  pid: number;
  argv: readonly string[];
  environment: Readonly<Record<string, string>>;
}

/** What identifies the processes of one trial. */
export interface TrialPaths {
  /** The trial's directory, and its database where that lies elsewhere. */
  roots: readonly string[];
  /** How the programs of ours that it runs are called: the words that follow each other. */
  programs: readonly (readonly string[])[];
}

const ENGINES = new Set(['rathole', 'postgres']);

/**
 * An engine whose arguments lead into the trial's directories, or a program of ours that was told to
 * use them. What merely has a file of the trial open, as an editor, is neither.
 */
export function belongsTo(
  { argv, environment }: Omit<RunningProcess, 'pid'>,
  { roots, programs }: TrialPaths,
): boolean {
  const [file = ''] = argv;
  if (ENGINES.has(basename(file))) {
    return argv.some((word) => roots.some((root) => word.startsWith(`${root}/`)));
  }
  const ours = programs.some((words) => follow(argv, words));
  return ours && roots.includes(environment['GOPHER_TRIAL_DIR'] ?? '');
}

const follow = (argv: readonly string[], words: readonly string[]): boolean =>
  argv.some((_, at) => words.every((word, i) => argv[at + i] === word));

/** Every process of one trial, whoever started it and whatever pid file was lost. */
export function trialProcesses(paths: TrialPaths): RunningProcess[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => readProcess(Number(entry)))
    .filter((process) => process !== null)
    .filter((process) => belongsTo(process, paths));
}

/** null when there is no such process, or none that we may look at. */
export function readProcess(pid: number): RunningProcess | null {
  const argv = readWords(`/proc/${pid}/cmdline`);
  if (argv.length === 0) return null; // gone, a zombie, or the kernel's own
  return { pid, argv, environment: parseEnvironment(readWords(`/proc/${pid}/environ`)) };
}

export function parseEnvironment(words: readonly string[]): Record<string, string> {
  const entries = words.map((word) => {
    const at = word.indexOf('=');
    return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

function readWords(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}
