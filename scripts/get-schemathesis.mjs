// Prints the Python of an environment that has schemathesis, which reads /openapi.json and tries to
// break the API, and openapi-spec-validator. Makes it where there is none: about 15 s, kept in
// ~/.cache/gopher. Exit codes: 1 it could not be made, 3 there is no Python that could run it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import { inCheckout, SetupError } from './setup/checkout.mjs';

const PINS = inCheckout('scripts/schemathesis.txt');
const WANTED = ['schemathesis', 'openapi-spec-validator'];
const NO_PYTHON = 3;
const TIMEOUT_MS = 300_000;
/** Prints what an environment depends on; fails where one can not be made. */
const ASK = [
  'import ensurepip, platform, sys, venv',
  'assert sys.version_info >= (3, 10)',
  'print(sys.executable, platform.python_version(), platform.machine())',
].join('\n');

function python() {
  const { status, stdout } = spawnSync('python3', ['-c', ASK], { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  const what = 'there is no python3 of 3.10 or later with venv: apt-get install python3-venv';
  throw Object.assign(new SetupError(what), { exitCode: NO_PYTHON });
}

function cacheDir() {
  const { XDG_CACHE_HOME: base, HOME } = process.env;
  const cache = base && isAbsolute(base) ? base : join(HOME || homedir(), '.cache');
  return join(cache, 'gopher', 'schemathesis');
}

function go(file, ...args) {
  const options = { encoding: 'utf8', timeout: TIMEOUT_MS };
  const { status, error, stderr } = spawnSync(file, args, options);
  if (status === 0) return;
  const reason = error?.message ?? String(stderr).trim().split('\n').slice(-5).join('\n');
  throw new SetupError(`${basename(file)} ${args.join(' ')}\n${reason}`);
}

/** An environment knows its own path: it is made where it stays, and named once it is whole. */
function make(named) {
  fs.mkdirSync(cacheDir(), { recursive: true });
  const made = fs.mkdtempSync(`${named}-`);
  try {
    go('python3', '-m', 'venv', made);
    const install = ['-m', 'pip', 'install', '--quiet', '--no-input', '--only-binary', ':all:'];
    go(join(made, 'bin/python'), ...install, '--constraint', PINS, ...WANTED);
    fs.symlinkSync(made, `${made}.name`);
    fs.renameSync(`${made}.name`, named);
  } catch (error) {
    fs.rmSync(made, { recursive: true, force: true });
    throw error;
  }
}

try {
  const key = createHash('sha256').update(python()).update(fs.readFileSync(PINS)).digest('hex');
  const named = join(cacheDir(), key.slice(0, 16));
  if (!fs.existsSync(join(named, 'bin/python'))) make(named);
  console.log(join(named, 'bin/python'));
} catch (error) {
  process.stderr.write(`${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = error.exitCode ?? 1;
}
