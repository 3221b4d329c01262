import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const KEY_BYTES = 32;

/** The files of one edge; nobody but its user may look. */
export class StateDirectory {
  constructor(readonly root: string) {}

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  /** null when there is no such file. */
  async read(name: string): Promise<string | null> {
    try {
      return await readFile(this.path(name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** All of it or nothing, also when the power fails: write beside, fsync, rename, fsync the folder. */
  async write(name: string, content: string): Promise<void> {
    const path = this.path(name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const beside = `${path}.${process.pid}.new`;
    const file = await open(beside, 'w', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Reads a file, or makes it with `create` when there is none. */
  async readOrCreate(name: string, create: () => string): Promise<string> {
    const found = await this.read(name);
    if (found !== null) return found;
    const created = create();
    await this.write(name, created);
    return created;
  }

  /** The key that seals secrets at rest, made at first use. */
  async sealingKey(): Promise<Buffer> {
    const text = await this.readOrCreate('secret.key', () =>
      randomBytes(KEY_BYTES).toString('base64'),
    );
    const key = Buffer.from(text, 'base64');
    if (key.length !== KEY_BYTES) throw new Error(`${this.path('secret.key')} is damaged`);
    return key;
  }
}
