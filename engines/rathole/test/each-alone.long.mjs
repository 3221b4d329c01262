// Every patch alone on the released source: it applies, the source's own tests pass, and so does the
// test of the patch. Then all of them together. Takes about ten minutes on two cores.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readSeries } from '../build.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const FEATURES = ['--no-default-features', '--features', 'server,client,noise,hot-reload'];
/** They read files that are in the repository, but not in the crate. */
const NOT_IN_CRATE = ['--skip', 'test_valid_config', '--skip', 'test_invalid_config'];
const STEP_MS = 20 * 60_000;
const FAILED_TAIL_CHARS = 4_000;

const dir = await mkdtemp(join(tmpdir(), 'gopher-rathole-alone-'));
after(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));

const env = {
  ...process.env,
  CARGO_TARGET_DIR: process.env.RATHOLE_ALONE_TARGET_DIR ?? join(dir, 'target'),
  // As quick as noise needs it, without the minutes of the real thing
  CARGO_PROFILE_RELEASE_LTO: 'off',
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
  RATHOLE_RELEASED: '',
  // Or a test run inside a test run takes its results for messages of its own
  NODE_TEST_CONTEXT: '',
};

for (const name of readSeries()) {
  test(`${name} alone`, () => {
    const program = built(name, ['--only', name]);
    for (const spec of testsOf(name.replace(/^\d+-|\.patch$/g, ''))) {
      runs([process.execPath, '--test', spec], { RATHOLE_PATCHED: program });
    }
  });
}

/** A patch with what needs a network of its own has a second one. */
function testsOf(patch) {
  const names = patch === 'revocation' ? [patch, 'vanished-host'] : [patch];
  return names.map((name) => join(HERE, `${name}.test.mjs`)).filter(existsSync);
}

test('all together', () => void built('all', []));

function built(name, only) {
  const source = join(dir, name);
  runs([process.execPath, join(HERE, '..', 'build.mjs'), '--source', source, ...only]);
  const test = ['cargo', 'test', '--release', '--locked', '--lib', ...FEATURES];
  runs([...test, '--', ...NOT_IN_CRATE], { cwd: source });
  runs(['cargo', 'build', '--release', '--locked', ...FEATURES], { cwd: source });
  return join(env.CARGO_TARGET_DIR, 'release', 'rathole');
}

function runs([file, ...args], { cwd = dir, ...more } = {}) {
  const options = { cwd, env: { ...env, ...more }, encoding: 'utf8', timeout: STEP_MS };
  const { status, stdout, stderr, error } = spawnSync(file, args, options);
  const tail = `${stdout}${stderr}`.slice(-FAILED_TAIL_CHARS);
  assert.equal(status, 0, `${file} ${args.join(' ')}: ${error?.message ?? ''}\n${tail}`);
}
