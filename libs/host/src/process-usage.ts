import type { KernelFiles } from './kernel-files.js';
import { bytesOf } from './kilobytes.js';

export interface ProcessReading {
  pid: number;
  /** Of the process's start, in ticks since boot: a pid that is used again has another. */
  startedAt: number;
  /** Used until now. */
  cpuMs: number;
  residentBytes: number;
  /** null: another user's, and not to be seen. */
  openFiles: number | null;
  threads: number;
}

/** The kernel tells userspace 100 ticks a second, whatever it uses itself. */
const TICK_MS = 10;
/** PostgreSQL is started with 40 connections at most. */
const MAX_CHILDREN = 64;

/** null when there is no such process. */
export function readProcess(files: KernelFiles, pid: number): ProcessReading | null {
  return readWith(files, pid, false)?.reading ?? null;
}

/**
 * A process and its children, as one: PostgreSQL is one process for each connection. What they share
 * is counted once.
 */
export function readProcessFamily(files: KernelFiles, pid: number): ProcessReading | null {
  const parent = readWith(files, pid, true);
  if (!parent) return null;
  const children = (files.readProc(`${pid}/task/${pid}/children`) ?? '').split(' ');
  const members = [parent];
  for (const child of children.slice(0, MAX_CHILDREN)) {
    const found = child === '' ? null : readWith(files, Number(child), true);
    if (found) members.push(found);
  }
  return members.length === 1 ? parent.reading : together(parent, members);
}

interface Member {
  reading: ProcessReading;
  /** Shared with others; null: an old kernel does not tell. */
  sharedBytes: number | null;
}

function together({ reading }: Member, members: readonly Member[]): ProcessReading {
  const sum = (figure: (member: ProcessReading) => number | null) =>
    members.reduce((total, member) => total + (figure(member.reading) ?? 0), 0);
  const shared = members.map(({ sharedBytes }) => sharedBytes ?? 0);
  const own = sum(({ residentBytes }) => residentBytes) - shared.reduce((a, b) => a + b, 0);
  return {
    pid: reading.pid,
    startedAt: reading.startedAt,
    cpuMs: sum(({ cpuMs }) => cpuMs),
    residentBytes: own + Math.max(...shared),
    openFiles: reading.openFiles === null ? null : sum(({ openFiles }) => openFiles),
    threads: sum(({ threads }) => threads),
  };
}

function readWith(files: KernelFiles, pid: number, withEnded: boolean): Member | null {
  const stat = files.readProc(`${pid}/stat`);
  const status = files.readProc(`${pid}/status`);
  if (stat === null || status === null) return null;
  // The name before it may contain blanks and parentheses. What follows begins with field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  // utime, stime, and of ended children cutime, cstime.
  const ticks = field(14) + field(15) + (withEnded ? field(16) + field(17) : 0);
  const reading = {
    pid,
    startedAt: field(22),
    cpuMs: ticks * TICK_MS,
    residentBytes: bytesOf(status, 'VmRSS') ?? 0,
    openFiles: files.countProc(`${pid}/fd`),
    threads: field(20),
  };
  const file = bytesOf(status, 'RssFile');
  return { reading, sharedBytes: file === null ? null : file + (bytesOf(status, 'RssShmem') ?? 0) };
}

/** Share of one core; null: it is another process, or no time has passed. */
export function processUsageBetween(
  before: ProcessReading,
  now: ProcessReading,
  elapsedMs: number,
): number | null {
  const isSame = before.pid === now.pid && before.startedAt === now.startedAt;
  if (!isSame || elapsedMs <= 0) return null;
  return Math.max(0, now.cpuMs - before.cpuMs) / elapsedMs;
}
