import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

export const inCheckout = (...names) => resolve(ROOT, ...names);

/** The Node that the lock file brings. */
export const NODE = inCheckout('node_modules/.bin/node');
export const TRIAL = inCheckout('apps/gopher-trial/dist/main.js');

/** What a person can act on: shown without a stack. */
export class SetupError extends Error {}

/** @throws SetupError where Gopher can not run at all */
export function checkMachine() {
  const { platform, arch } = process;
  if (platform !== 'linux' || !['x64', 'arm64'].includes(arch)) {
    throw new SetupError(`Gopher runs on Linux, x64 or arm64; this is ${platform} ${arch}`);
  }
  if (!existsSync(inCheckout('package-lock.json'))) {
    throw new SetupError(`${ROOT} is no checkout of Gopher: it has no package-lock.json`);
  }
}
