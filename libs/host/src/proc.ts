import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** Reads of /proc are answered from memory by the kernel: synchronous ones cost a tenth, and UTF-8 the least. */
export function readProc(path: string): string | null {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return null;
  }
}

/** One letter, as in ps: R S D T t Z X I. null when there is no such process. */
export function procState(pid: number): string | null {
  const text = readProc(`${pid}/stat`);
  return text === null ? null : text.charAt(text.lastIndexOf(')') + 2);
}

export function procCommand(pid: number): string[] {
  return (readProc(`${pid}/cmdline`) ?? '').split('\0').slice(0, -1);
}

export function procLink(path: string): string | null {
  try {
    return readlinkSync(`/proc/${path}`);
  } catch {
    return null;
  }
}

export function procList(path: string): string[] | null {
  try {
    return readdirSync(`/proc/${path}`);
  } catch {
    return null;
  }
}

export function processIds(): number[] {
  return (procList('') ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** -1 when the process is gone. */
export function procOwner(pid: number): number {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? -1;
}
