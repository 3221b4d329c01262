import { fstatSync, readlinkSync } from 'node:fs';
import type { LogFile } from './file-log-reader.js';
import type { LineParser } from './log-entry.js';
import { statLog } from './open-log.js';

const STANDARD_OUTPUT = '/proc/self/fd/1';

/** The file that whoever started this process gave it to write its log to; a text: why there is none. */
export function ownLog(program: string, parse: LineParser): LogFile | string {
  try {
    const { ino, dev } = fstatSync(1);
    const path = readlinkSync(STANDARD_OUTPUT);
    if (!fstatSync(1).isFile()) {
      return `${program} does not write its log into a file: its standard output is ${path}`;
    }
    const named = statLog(path);
    const isThere = named?.ino === ino && named.dev === dev;
    return { path: isThere ? path : STANDARD_OUTPUT, parse };
  } catch (error) {
    return `Where ${program} writes its log can not be told: ${String(error)}`;
  }
}
