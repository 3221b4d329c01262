import { readdirSync, readFileSync, statSync } from 'node:fs';

/** Where the kernel shows itself. Tests may have it elsewhere. */
export interface KernelRoots {
  proc: string;
  sys: string;
}

/**
 * Reads of /proc are answered from memory by the kernel: synchronous ones cost a tenth, and those of
 * UTF-8 text the least, since they are one call.
 */
export class KernelFiles {
  constructor(readonly roots: KernelRoots = { proc: '/proc', sys: '/sys' }) {}

  /** null when there is no such file, or it is not to be read. */
  readProc(path: string): string | null {
    try {
      return readFileSync(`${this.roots.proc}/${path}`, 'utf8');
    } catch {
      return null;
    }
  }

  /** How many entries a directory of /proc has; null when it is not to be read. */
  countProc(path: string): number | null {
    const directory = `${this.roots.proc}/${path}`;
    try {
      // Since Linux 6.2 the size of a process's fd directory is the number of its files.
      return statSync(directory).size || readdirSync(directory).length;
    } catch {
      return null;
    }
  }
}
