import { readdir, readFile, readlink } from 'node:fs/promises';

const LISTEN = '0A';
/** `0: 0100007F:0BB8 00000000:0000 0A … 12345 …`: local address, state, inode. */
const LINE =
  /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2})(?: \S+){3}\s+\d+\s+\d+ (\d+) /gm;

/** Whether this process, and not another one, takes connections on a TCP port of this host. */
export async function listensOn(pid: number, port: number): Promise<boolean> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((table) => readFile(`/proc/${pid}/net/${table}`, 'utf8').catch(() => '')),
  );
  const inodes = new Set(tables.flatMap((table) => inodesOf(table, port)));
  if (inodes.size === 0) return false;
  const folder = `/proc/${pid}/fd`;
  const files = await readdir(folder).catch(() => []);
  const links = await Promise.all(files.map((fd) => readlink(`${folder}/${fd}`).catch(() => '')));
  return links.some((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''));
}

const inodesOf = (table: string, port: number): string[] =>
  [...table.matchAll(LINE)].flatMap(([, hex, state, inode]) =>
    Number.parseInt(hex!, 16) === port && state === LISTEN ? [inode!] : [],
  );
