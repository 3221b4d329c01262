import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

export interface Memory {
  residentMb: number;
  anonymousMb: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (field: string) =>
    Number(new RegExp(`^${field}: +(\\d+) kB`, 'm').exec(text)?.[1]) / 1_024;
  return { residentMb: mb('Rss'), anonymousMb: mb('Anonymous') };
}

/** Of all threads, as the scheduler counts it: the clock ticks of /proc/PID/stat are 10 ms long. */
export function cpuMsOf(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => sum + cpuMsOfTask(`/proc/${pid}/task/${task}`), 0);
}

function cpuMsOfTask(path: string): number {
  try {
    const [nanoseconds] = readFileSync(`${path}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch (error) {
    // rathole's threads come and go.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code!)) return 0;
    throw error;
  }
}

export const fileHandlesOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

export function childrenOf(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return children.length;
}

/** As ps shows it: R, S, T, Z …; null: there is no such process. */
export function stateOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2);
  } catch {
    return null;
  }
}

const LISTEN = '0A';
const LOOK_BYTES = 64 * 1_024;

/** Without a visit. The kernel tells of these first; to have it tell of the others is dear. */
export function listeningPorts(): Set<number> {
  const ports = new Set<number>();
  for (const [number, local, , state] of rowsOf('/proc/net/tcp')) {
    if (number === 'sl') continue;
    if (state !== LISTEN) break;
    ports.add(Number.parseInt(local!.split(':')[1]!, 16));
  }
  return ports;
}

/** No more of it is read than is looked at. */
function* rowsOf(path: string): Generator<string[]> {
  const chunk = Buffer.alloc(LOOK_BYTES);
  const file = openSync(path, 'r');
  try {
    let rest = '';
    for (let bytes = readSync(file, chunk); bytes > 0; bytes = readSync(file, chunk)) {
      const lines = (rest + chunk.toString('latin1', 0, bytes)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield line.trim().split(/\s+/);
    }
  } finally {
    closeSync(file);
  }
}
