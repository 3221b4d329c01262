import { execFileSync } from 'node:child_process';
import { NODE, repositoryPath } from '../../test/product/index.js';

/** Where it is; built now where it is nowhere to be found. */
export function getRathole(...flags: readonly '--released'[]): string {
  const script = repositoryPath('scripts/get-rathole.mjs');
  return execFileSync(NODE, [script, ...flags], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
}
