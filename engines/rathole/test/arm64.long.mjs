// The program for the other architecture: built here, and run in an emulator against this one's.
// Needs qemu-aarch64-static (Debian: qemu-user-static) and Rust's target; about three minutes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const EMULATOR = 'qemu-aarch64-static';
const STEP_MS = 20 * 60_000;
/** Where an ELF header says which machine it is for, and where its program headers are. */
const ELF = { machine: 18, offset: 32, size: 54, count: 56, isArm64: 183, isInterpreter: 3 };

const { RATHOLE_PATCHED } = process.env;
const dir = await mkdtemp(join(tmpdir(), 'gopher-rathole-arm64-'));
after(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));

const skip =
  process.arch === 'arm64'
    ? 'this machine is arm64 itself'
    : spawnSync(EMULATOR, ['--version']).status !== 0 && `${EMULATOR} is not installed`;

test(
  'the program for arm64 is static, and carries bytes to and from one for x64',
  { skip },
  async () => {
    assert.ok(RATHOLE_PATCHED, 'RATHOLE_PATCHED must name the program for this machine');
    runs([process.execPath, join(HERE, '..', 'build.mjs'), '--out', dir, '--target', 'arm64']);
    const program = join(dir, 'rathole');
    await isStaticArm64(program);

    const emulated = join(dir, 'emulated');
    await writeFile(emulated, `#!/bin/sh\nexec ${EMULATOR} '${program}' "$@"\n`);
    await chmod(emulated, 0o755);
    assert.match(runs([emulated, '--version']), /^Build Version:\s+0\.5\.0\+gopher\.\d+$/m);
    const pairs = [
      process.execPath,
      '--test',
      '--test-concurrency=1',
      join(HERE, 'mixed-pairs.test.mjs'),
    ];
    runs(pairs, { RATHOLE_RELEASED: '', RATHOLE_OTHER: emulated });
  },
);

async function isStaticArm64(program) {
  const head = (await readFile(program)).subarray(0, 4_096);
  assert.equal(head.readUInt16LE(ELF.machine), ELF.isArm64);
  const [offset, size] = [Number(head.readBigUInt64LE(ELF.offset)), head.readUInt16LE(ELF.size)];
  const types = Array.from({ length: head.readUInt16LE(ELF.count) }, (_, i) =>
    head.readUInt32LE(offset + i * size),
  );
  assert.ok(!types.includes(ELF.isInterpreter), 'it asks for no dynamic linker');
}

function runs([file, ...args], more = {}) {
  // Or a test run inside a test run takes its results for messages of its own
  const env = { ...process.env, NODE_TEST_CONTEXT: '', ...more };
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    env,
    encoding: 'utf8',
    timeout: STEP_MS,
  });
  assert.equal(status, 0, `${file} ${args.join(' ')}: ${error?.message ?? ''}\n${stdout}${stderr}`);
  return stdout;
}
