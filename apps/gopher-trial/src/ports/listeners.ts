import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { readProcess } from '../process/running.js';

export interface Listener {
  port: number;
  uid: number;
  inode: string;
}

/** The state TCP_LISTEN of the kernel's include/net/tcp_states.h. */
const LISTEN = '0A';

/** What /proc/net/tcp or tcp6 says of listening sockets. */
export function parseListeners(text: string): Listener[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === LISTEN)
    .map(([, local = '', , , , , , uid, , inode = '']) => ({
      port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16),
      uid: Number(uid),
      inode,
    }));
}

/** Who listens on a port, in words, and as process ids where we may see them. */
export interface PortHolder {
  pids: number[];
  words: string;
}

export function portHolder(port: number): PortHolder {
  const sockets = ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((path) => parseListeners(readOrEmpty(path)))
    .filter((listener) => listener.port === port);
  const pids = pidsOf(new Set(sockets.map(({ inode }) => `socket:[${inode}]`)));
  const [pid] = pids;
  if (pid !== undefined) return { pids, words: `process ${pid}: ${commandLine(pid)}` };
  const [socket] = sockets;
  if (!socket) return { pids, words: 'something that can not be seen from here' };
  const whose = socket.uid === userInfo().uid ? 'your own user' : `user id ${socket.uid}`;
  return { pids, words: `a process of ${whose}; as root, ss -ltnp 'sport = :${port}' shows it` };
}

function pidsOf(sockets: ReadonlySet<string>): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => openFiles(pid).some((target) => sockets.has(target)))
    .map(Number);
}

/** Empty for a process of another user. */
function openFiles(pid: string): string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).map((fd) => linkOrEmpty(`${folder}/${fd}`));
  } catch {
    return [];
  }
}

function linkOrEmpty(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const commandLine = (pid: number): string => readProcess(pid)?.argv.join(' ') ?? 'it just ended';

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
