import type { ConnectionLook } from './tcp-connections.js';
import { procLink, procList, procState, readProc } from '@gopher/host';

export const PROCESS_VIEWS = ['gone', 'frozen', 'running', 'connected'] as const;
export type ProcessView = (typeof PROCESS_VIEWS)[number];

/** What the kernel shows of a process that should hold that connection. */
export function viewProcess(pid: number, connection: ConnectionLook | null): ProcessView {
  const state = procState(pid);
  if (state === null || state === 'Z' || state === 'X') return 'gone';
  if (isStopped(state)) return 'frozen';
  return connection?.isConnected(pid) ? 'connected' : 'running';
}

export function isFrozen(pid: number): boolean {
  return isStopped(procState(pid));
}

/** Stopped by a signal, or by a debugger. */
const isStopped = (state: string | null) => state === 'T' || state === 't';

/**
 * Does that process still watch that directory? One that was removed and made again is another to
 * the kernel. True when it can not be told.
 */
export function watchesDirectory(pid: number, inode: number): boolean {
  const descriptors = procList(`${pid}/fd`);
  if (descriptors === null) return true;
  const inotify = descriptors.filter((fd) => procLink(`${pid}/fd/${fd}`)?.includes('inotify'));
  const entries = inotify.map((fd) => readProc(`${pid}/fdinfo/${fd}`));
  if (entries.length === 0 || entries.includes(null)) return true;
  return entries.some((text) => text?.includes(` ino:${inode.toString(16)} `));
}
