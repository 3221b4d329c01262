import {
  chmod,
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LIMITS } from '@gopher/rathole';
import {
  attributesOf,
  requireSpace,
  stageFile,
  type StagedFile,
  toStorageError,
} from '../state/atomic-file.js';
import type { JsonFile } from '../state/json-file.js';
import type { FoundConfig } from './found-config.js';
import { inForce, type KeptConfig } from './kept-config.js';

export const FINDINGS = ['as-kept', 'missing', 'changed', 'not-a-file'] as const;
export type Finding = (typeof FINDINGS)[number];

/** How many foreign contents are kept beside the file; older ones go. */
const KEEP_FOUND = 5;

/** A client's file and the kept copy of it on the disk. */
export class ClientFileStorage {
  /** What the file looked like when it was last read and found right: saves reading it again. */
  private signature = '';
  /** While something is on trial: the good one, on the disk under another name. */
  private spare: StagedFile | null = null;

  constructor(
    readonly path: string,
    private readonly kept: JsonFile<KeptConfig>,
    /** Where it is remembered what was found in the file; null: it is not. */
    private readonly found: JsonFile<FoundConfig> | null = null,
  ) {}

  /** null when nothing was kept for this enrolment. @throws StorageError when it can not be read */
  async readKept(enrolment: string): Promise<KeptConfig | null> {
    const config = await this.kept.read();
    return config?.enrolment === enrolment ? config : null;
  }

  /** null when nothing was found, or for another enrolment. */
  async readFound(enrolment: string): Promise<FoundConfig | null> {
    const found = await this.found?.read().catch(() => null);
    return found?.enrolment === enrolment ? found : null;
  }

  /** @throws StorageError */
  async writeFound(found: FoundConfig): Promise<void> {
    await this.found?.write(found);
  }

  get remembersFound(): boolean {
    return this.found !== null;
  }

  async inspect(toml: string): Promise<Finding> {
    try {
      const stat = await lstat(this.path, { bigint: true });
      if (!stat.isFile()) return 'not-a-file';
      const signature = `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
      if (signature === this.signature) return 'as-kept';
      if (stat.size !== BigInt(Buffer.byteLength(toml))) return 'changed';
      if ((await readFile(this.path, 'utf8')) !== toml) return 'changed';
      this.signature = signature;
      return 'as-kept';
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
      throw toStorageError(`Cannot read ${this.path}`, cause);
    }
  }

  /** What stands in the file now; null when it can not be read, or is too much to be looked at. */
  async readText(): Promise<string | null> {
    try {
      const { size } = await stat(this.path);
      return size > LIMITS.client.bytes ? null : await readFile(this.path, 'utf8');
    } catch {
      return null;
    }
  }

  /** Both the file and the record, or neither. @throws StorageError */
  async write(next: KeptConfig): Promise<void> {
    const record = this.kept.render(next);
    const { toml } = inForce(next);
    const spare = next.trial && !this.spare ? next.toml : null;
    const texts = [record, toml, spare ?? ''];
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    this.signature = '';
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      await mkdir(dirname(this.kept.path), { recursive: true, mode: 0o700 });
      await requireSpace(dirname(this.path), bytes);
      const attributes = await attributesOf(this.path);
      // All take up their room before any takes its place: a full disk changes nothing, and there is
      // room for the way back. The record goes first, so that a crash between the two is repaired
      // towards it.
      const [recordFile, file, spareFile] = await stageAll([
        stageFile(this.kept.path, record),
        stageFile(this.path, toml, attributes),
        ...(spare === null ? [] : [stageFile(this.path, spare, attributes)]),
      ]);
      if (spareFile) this.spare = spareFile;
      await recordFile?.commit();
      await file?.commit();
      if (!next.trial) await this.dropSpare();
    } catch (cause) {
      throw toStorageError(`Cannot write ${this.path}`, cause);
    }
  }

  /** The record alone. @throws StorageError */
  async writeRecord(next: KeptConfig): Promise<void> {
    await this.kept.write(next);
    if (!next.trial) await this.dropSpare();
  }

  /** The file alone, on the way back from a trial: needs no room. @throws StorageError */
  async putBack(toml: string): Promise<void> {
    this.signature = '';
    try {
      const { spare } = this;
      this.spare = null;
      // Whoever removed the directory removed the spare with it.
      const isBack = await spare?.commit().then(
        () => true,
        () => false,
      );
      if (!isBack) await this.putBackAnew(toml);
    } catch (cause) {
      throw toStorageError(`Cannot write ${this.path}`, cause);
    }
  }

  /** Keeps what someone else put there; returns the path where, null when it could not be kept. */
  async keepForeign(): Promise<string | null> {
    const stamp = new Date().toISOString().replace(/[-:.]/g, '');
    const beside = `${this.path}.found-${stamp}`;
    try {
      if ((await lstat(this.path)).isFile()) {
        // A link, not a copy: an editor that is still writing goes on writing what is kept.
        await link(this.path, beside).catch(() => copyFile(this.path, beside));
        await chmod(beside, 0o600);
      } else {
        await rename(this.path, beside);
      }
      await this.removeOldest();
      return beside;
    } catch {
      // To serve again matters more than to keep what stood there.
      return null;
    }
  }

  private async putBackAnew(toml: string): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const staged = await stageFile(this.path, toml, await attributesOf(this.path));
    await staged.commit();
  }

  /** One that stays behind is removed at the next start. */
  private async dropSpare(): Promise<void> {
    const { spare } = this;
    this.spare = null;
    await spare?.discard().catch(() => {});
  }

  private async removeOldest(): Promise<void> {
    const directory = dirname(this.path);
    const prefix = `${basename(this.path)}.found-`;
    const found = (await readdir(directory)).filter((name) => name.startsWith(prefix)).sort();
    const tooOld = found.slice(0, -KEEP_FOUND);
    await Promise.all(
      tooOld.map((name) => rm(join(directory, name), { recursive: true, force: true })),
    );
  }
}

async function stageAll(stagings: Promise<StagedFile>[]): Promise<StagedFile[]> {
  const results = await Promise.allSettled(stagings);
  const failed = results.find((result) => result.status === 'rejected');
  const staged = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (!failed) return staged;
  await Promise.all(staged.map((file) => file.discard()));
  throw failed.reason;
}
