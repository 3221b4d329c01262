import { open, readFile, rename, rm } from 'node:fs/promises';
import type { ProcessIdentity } from './proc.js';
import type { SupervisorLog } from './supervisor-log.js';
import type { StopOrder } from './supervisor.js';

/** What one supervisor tells the next about a process. */
export interface PidRecord extends ProcessIdentity {
  bootId: string;
  /** As the kernel shows it; differs from `command` where the file is a script. */
  argv: string[];
  /** As it was ordered: the file and its arguments. */
  command: string[];
  startedAt: Date;
  /** Whether it leads a process group that we made for it, which may be killed whole. */
  ownGroup: boolean;
  /** So that it can be stopped properly by one that does not know its spec. */
  stop: StopOrder;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const isWords = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string');
const isStopOrder = (value: unknown): value is StopOrder =>
  isObject(value) && typeof value['signal'] === 'string' && typeof value['graceMs'] === 'number';

/** null for anything but a whole record: then nothing is known, which is an ordinary case. */
export function parsePidRecord(text: string): PidRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const { pid, startTicks, bootId, argv, command, ownGroup, stop } = value;
  const startedAt = new Date(String(value['startedAt']));
  // 0 and negative numbers name process groups to kill(2).
  if (!Number.isSafeInteger(pid) || (pid as number) < 2) return null;
  if (!Number.isSafeInteger(startTicks) || typeof bootId !== 'string') return null;
  if (!isWords(argv) || !isWords(command) || !isStopOrder(stop)) return null;
  if (Number.isNaN(startedAt.getTime()) || typeof ownGroup !== 'boolean') return null;
  const identity = { pid: pid as number, startTicks: startTicks as number };
  return { ...identity, bootId, argv, command, startedAt, ownGroup, stop };
}

export async function readPidRecord(path: string): Promise<PidRecord | null> {
  return parsePidRecord(await readFile(path, 'utf8').catch(() => ''));
}

async function writePidRecord(path: string, record: PidRecord): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}

/** Without a record the next supervisor still finds the process by its command line: no failure. */
export async function savePidRecord(
  path: string,
  record: PidRecord,
  log: SupervisorLog,
): Promise<void> {
  await writePidRecord(path, record).catch((error: unknown) =>
    log.warn(`The pid file ${path} was not written: ${String(error)}`),
  );
}

/** One that stays behind is stale, which is an ordinary case. */
export async function removePidRecord(path: string, log: SupervisorLog): Promise<void> {
  await rm(path, { force: true }).catch((error: unknown) =>
    log.warn(`The pid file ${path} was not removed: ${String(error)}`),
  );
}
