// npm run test:long: the suite "long", the patches of rathole alone and on arm64, then the whole of npm test as the other kind of user.
import { spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inCheckout, NODE } from './setup/checkout.mjs';

/** `nobody`: every machine has it, and PostgreSQL wants a user that has a name. */
const ORDINARY_USER = 65_534;

function go(file, args, options = {}) {
  const { status, error } = spawnSync(file, args, { stdio: 'inherit', ...options });
  if (error) console.error(`${file}: ${error.message}`);
  return status === 0;
}

function asOrdinaryUser() {
  const home = mkdtempSync(join(tmpdir(), 'gopher-user-'));
  try {
    const clone = join(home, 'gopher');
    if (!go('git', ['clone', '--quiet', inCheckout(), clone])) return false;
    const rathole = copyOfRathole(join(home, 'rathole'));
    const released = copyOfRathole(join(home, 'rathole-released'), '--released');
    own(home);
    const user = String(ORDINARY_USER);
    const drop = [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--inh-caps=-all'];
    return go('setpriv', [...drop, 'npm', 'test'], {
      cwd: clone,
      env: {
        ...process.env,
        HOME: home,
        GOPHER_RATHOLE: rathole,
        GOPHER_RATHOLE_RELEASED: released,
        npm_config_cache: join(home, 'npm'),
      },
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function copyOfRathole(to, ...options) {
  const script = inCheckout('scripts/get-rathole.mjs');
  const found = spawnSync(NODE, [script, ...options], { encoding: 'utf8' });
  copyFileSync(found.stdout.trim(), to);
  return to;
}

function own(path) {
  mkdirSync(path, { recursive: true });
  chownSync(path, ORDINARY_USER, ORDINARY_USER);
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink())
      chownSync(join(entry.parentPath, entry.name), ORDINARY_USER, ORDINARY_USER);
  }
}

function testsOfTheEngine() {
  const found = spawnSync(NODE, [inCheckout('scripts/get-rathole.mjs')], { encoding: 'utf8' });
  const env = { ...process.env, RATHOLE_PATCHED: found.stdout.trim() };
  const files = ['each-alone', 'arm64'].map((name) =>
    inCheckout(`engines/rathole/test/${name}.long.mjs`),
  );
  return go(NODE, ['--test', '--test-concurrency=1', ...files], { env });
}

const long = go(process.execPath, [inCheckout('scripts/test.mjs'), 'long']);
const engine = testsOfTheEngine();
let other = true;
if (process.getuid() === 0) {
  console.log('npm test once more, as an ordinary user');
  other = asOrdinaryUser();
} else {
  console.log('Skipped: npm test as root, since this is an ordinary user');
}
process.exitCode = long && engine && other ? 0 : 1;
