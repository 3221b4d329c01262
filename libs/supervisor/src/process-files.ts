import { join } from 'node:path';
import { InvalidProcessNameError } from './process.errors.js';

/** What the supervisor keeps on disk for one process. */
export interface ProcessFiles {
  pid: string;
  log: string;
  /** The FIFO whose end-of-file tells of the exit. */
  exit: string;
}

export const PID_FILE_SUFFIX = '.pid.json';

/** @throws InvalidProcessNameError, for the name becomes part of paths. */
export function processFiles(directory: string, name: string): ProcessFiles {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) throw new InvalidProcessNameError(name);
  return {
    pid: join(directory, name + PID_FILE_SUFFIX),
    log: join(directory, `${name}.log`),
    exit: join(directory, `${name}.exit`),
  };
}
