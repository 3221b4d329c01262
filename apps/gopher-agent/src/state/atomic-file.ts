import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageError } from '../agent.errors.js';

const TEMPORARY = /^\..+\.gopher-[0-9a-f]{12}\.tmp$/;
/** Room for the directory entries and blocks that the file system needs beside the bytes. */
const SPACE_MARGIN = 8 * 1024;

export interface FileAttributes {
  mode: number;
  /** Give the file to this owner; only needed where it belonged to someone else before. */
  owner?: { uid: number; gid: number } | undefined;
}

/** A file that is on the disk under another name, and needs no more room to take its place. */
export interface StagedFile {
  commit(): Promise<void>;
  discard(): Promise<void>;
}

export async function stageFile(
  path: string,
  content: string,
  { mode, owner }: FileAttributes = { mode: 0o600 },
): Promise<StagedFile> {
  const suffix = `gopher-${randomBytes(6).toString('hex')}.tmp`;
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}`);
  const discard = () => rm(temporary, { force: true });
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
    if (owner) await file.chown(owner.uid, owner.gid);
    await file.sync();
  } catch (error) {
    await discard();
    throw error;
  } finally {
    await file.close();
  }
  return {
    commit: async () => {
      await rename(temporary, path);
      await syncDirectory(dirname(path));
    },
    discard,
  };
}

/** Whole or not at all, and on the disk when it resolves. @throws StorageError */
export async function writeFileAtomically(
  path: string,
  content: string,
  attributes?: FileAttributes,
): Promise<void> {
  try {
    const staged = await stageFile(path, content, attributes);
    await staged.commit();
  } catch (cause) {
    throw toStorageError(`Cannot write ${path}`, cause);
  }
}

/** @throws StorageError when the file system has no room for that many bytes more. */
export async function requireSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= bytes + SPACE_MARGIN) return;
  const message = `No room on the disk: ${directory} has ${free} bytes left, ${bytes + SPACE_MARGIN} are needed`;
  throw new StorageError(message, true);
}

export function toStorageError(what: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new StorageError(
    `${what}: ${full ? 'no room on the disk' : reasonOf(code, message)}`,
    full,
    {
      cause,
    },
  );
}

function reasonOf(code: string | undefined, message: string): string {
  if (code === 'EACCES' || code === 'EPERM') {
    return `permission denied for user id ${process.getuid?.() ?? '?'}`;
  }
  return code === 'EROFS' ? 'the file system is read-only' : message;
}

/** What a run that was killed in the middle of a write left behind. */
export async function removeLeftovers(directory: string): Promise<void> {
  const names = await readdir(directory);
  const leftovers = names.filter((name) => TEMPORARY.test(name));
  await Promise.all(leftovers.map((name) => rm(join(directory, name), { force: true })));
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The attributes that a file has now; for a new one: readable by its owner alone. */
export async function attributesOf(path: string): Promise<FileAttributes> {
  try {
    const { mode, uid, gid } = await stat(path);
    return { mode: mode & 0o777, owner: uid === process.getuid?.() ? undefined : { uid, gid } };
  } catch {
    return { mode: 0o600 };
  }
}
