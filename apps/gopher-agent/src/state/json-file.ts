import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { StorageError } from '../agent.errors.js';
import { toStorageError, writeFileAtomically } from './atomic-file.js';

/** One value in one file, written whole or not at all. */
export class JsonFile<T> {
  constructor(
    readonly path: string,
    private readonly schema: z.ZodType<T>,
  ) {}

  /** null when there is none. @throws StorageError when it can not be read or understood. */
  async read(): Promise<T | null> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw toStorageError(`Cannot read ${this.path}`, cause);
    }
    return this.parse(text);
  }

  async write(value: T): Promise<void> {
    await writeFileAtomically(this.path, this.render(value));
  }

  render(value: T): string {
    return `${JSON.stringify(value)}\n`;
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  private parse(text: string): T {
    try {
      return this.schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new StorageError(`${this.path} is damaged`, false, { cause });
    }
  }
}
