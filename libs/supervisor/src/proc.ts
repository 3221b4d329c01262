import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { RunningProcess } from './supervisor.js';

export interface ProcStat {
  pid: number;
  state: string;
  ppid: number;
  pgrp: number;
  /** Clock ticks from boot to its start: with the pid, what tells a process from its successors. */
  startTicks: number;
}

/** One process and no later one with the same number. */
export interface ProcessIdentity {
  pid: number;
  startTicks: number;
}

export interface FoundProcess extends RunningProcess, ProcessIdentity {
  ppid: number;
  pgrp: number;
}

/** The kernel reports in USER_HZ, which is 100 on every architecture that Node runs on. */
const TICK_MS = 10;

export function parseStat(text: string): ProcStat | null {
  // The name stands in parentheses and may itself hold spaces and parentheses.
  const nameEnd = text.lastIndexOf(')');
  const [state, ppid, pgrp, ...rest] = text.slice(nameEnd + 2).split(' ');
  const stat = {
    pid: Number.parseInt(text, 10),
    state: state ?? '',
    ppid: Number(ppid),
    pgrp: Number(pgrp),
    startTicks: Number(rest[16]),
  };
  const complete = [stat.pid, stat.ppid, stat.pgrp, stat.startTicks].every(Number.isSafeInteger);
  return nameEnd > 0 && complete ? stat : null;
}

export function parseArgv(text: string): string[] {
  const argv = text.split('\0');
  if (argv.at(-1) === '') argv.pop();
  return argv;
}

export function parseEffectiveUid(status: string): number | null {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  return uid === undefined ? null : Number(uid);
}

/** The hard limit of open files; null when the text does not tell. */
export function parseOpenFilesLimit(limits: string): number | null {
  const hard = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (hard === undefined) return null;
  return hard === 'unlimited' ? Infinity : Number(hard);
}

/** null when there is no such process. Anything else that goes wrong throws: it proves no death. */
export function readStat(pid: number): ProcStat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

/** A zombie is dead: it holds no file and no port, however long its parent takes to notice. */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = readStat(pid);
  return stat?.startTicks === startTicks && !['Z', 'X', 'x'].includes(stat.state);
}

/** Empty when there is no such process, and for a moment while it executes another program. */
export async function readArgv(pid: number): Promise<string[]> {
  return parseArgv(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
}

/** Where a container hides the boot id, pid, start time and command line have to do. */
export async function readBootId(): Promise<string> {
  const id = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
  return id.trim();
}

export async function readOpenFilesLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return parseOpenFilesLimit(limits) ?? Infinity;
}

/** @param uptimeS seconds since boot, at `now` (ms since the epoch). */
export function startTime(startTicks: number, uptimeS: number, now: number): Date {
  return new Date(now - uptimeS * 1_000 + startTicks * TICK_MS);
}

/** Every live process with a command line, oldest first. */
export async function listProcesses(): Promise<FoundProcess[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const found = await Promise.all(pids.map(readProcess));
  return found
    .filter((process) => process !== null)
    .sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid);
}

async function readProcess(pid: number): Promise<FoundProcess | null> {
  const argv = await readArgv(pid);
  if (argv.length === 0) return null;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => null);
  const uid = parseEffectiveUid(status);
  const stat = readStat(pid);
  if (uid === null || stat === null || !isAlive(stat)) return null;
  const { ppid, pgrp, startTicks } = stat;
  return { pid, uid, argv, cwd, ppid, pgrp, startTicks };
}
