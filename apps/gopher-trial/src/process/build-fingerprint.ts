import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const BUILT = /\.m?js$/;
const IN_DIST = /\/dist\//;

/** Of what is run, by content: a build that changed nothing gives no reason to restart anything. */
export function buildFingerprint(paths: readonly string[]): string {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths.flatMap(programFiles)) {
    hash.update(`\0${path}\0`).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}

function programFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && BUILT.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => IN_DIST.test(file) && !file.includes('/node_modules/'))
    .sort();
}
