#!/usr/bin/env node
// Builds Gopher's rathole: the published crate, with the patches of this folder. Plain Node, no packages.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const CRATE_VERSION = '0.5.0';
/** Of the .crate file, as the registry's index has it. */
const CRATE_SHA256 = '6358cf83f700408be4176f5bb96976404366154c384185cd79cfa8f43087ae4f';
const FEATURES = 'server,client,noise,hot-reload';
const TRIPLES = { x64: 'x86_64-unknown-linux-musl', arm64: 'aarch64-unknown-linux-musl' };

const MINUTE_MS = 60_000;
const QUICK_MS = MINUTE_MS;
const FETCH_MS = 10 * MINUTE_MS;
const BUILD_MS = 45 * MINUTE_MS;
const KEPT_LINES = 40;

const HERE = dirname(fileURLToPath(import.meta.url));
const PATCHES = join(HERE, 'patches');

const USAGE = `Usage: node engines/rathole/build.mjs --out DIR [options]

Builds rathole ${CRATE_VERSION} with Gopher's patches into DIR/rathole. Needs cargo, tar, and patch or git.

  --out DIR         where the program goes (made if it is not there)
  --target ARCH     x64 or arm64; default: this machine's
  --only PATCH      only this patch: its number or name; again for more; none: the released source
  --work DIR        keep what cargo compiled in DIR, so that the next build is quicker
  --source DIR      only prepare the source in DIR, which must not be there yet; no build
  --help            this text`;

class BuildError extends Error {}

const children = new Set();
let workDir = null;

async function main() {
  const options = readOptions();
  if (options.help) return print(USAGE);
  stopOnSignals();
  workDir = await mkdtemp(join(tmpdir(), 'gopher-rathole-'));
  try {
    if (options.source) await prepareOnly(options);
    else await buildInto(options);
  } finally {
    await rm(workDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

function readOptions() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      out: text,
      target: text,
      work: text,
      source: text,
      only: { ...text, multiple: true },
      help: { type: 'boolean' },
    },
  });
  const target = values.target ?? process.arch;
  if (values.help) return values;
  if (!values.out && !values.source) throw new BuildError(`--out is missing\n\n${USAGE}`);
  if (!Object.hasOwn(TRIPLES, target)) {
    throw new BuildError(`There is no build for ${target}: --target is x64 or arm64`);
  }
  return { ...values, target, patches: choosePatches(values.only) };
}

function choosePatches(only) {
  const series = readSeries();
  if (!only) return series;
  if (only.includes('none')) return [];
  const chosen = only.map((wanted) => {
    const found = series.find(
      (name) => name === wanted || name === `${wanted}.patch` || name.startsWith(`${wanted}-`),
    );
    if (!found) throw new BuildError(`No patch ${wanted}. There are: ${series.join(', ')}`);
    return found;
  });
  return series.filter((name) => chosen.includes(name));
}

/** The names of all patches, in the order in which they are applied together. */
export function readSeries() {
  return readFileSync(join(PATCHES, 'series'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

async function prepareOnly({ source, patches }) {
  const dir = resolve(source);
  if (existsSync(dir)) throw new BuildError(`${dir} is there already`);
  await prepareSource(dir, patches);
  say(`The source is in ${dir}`);
}

async function buildInto({ out, target, work, patches }) {
  const triple = await chooseTriple(target);
  const source = join(workDir, 'rathole');
  await prepareSource(source, patches);

  const targetDir = work ? resolve(work) : join(workDir, 'target');
  say(`Building for ${triple}: about two minutes on two cores`);
  const args = ['build', '--locked', '--release', '--target', triple];
  await run('cargo', [...args, '--no-default-features', '--features', FEATURES], {
    cwd: source,
    timeoutMs: BUILD_MS,
    env: { CARGO_TARGET_DIR: targetDir, ...linkerFor(triple), ...remapped(source) },
  });

  const built = join(targetDir, triple, 'release', 'rathole');
  if (target === process.arch) await checkVersion(built, patches);
  const placed = await place(built, resolve(out));
  say(placed);
  print(`sha256 ${await sha256(placed)}`);
}

/** The static target, or what is there for this machine. */
async function chooseTriple(target) {
  const triple = TRIPLES[target];
  const rustc = await capture('rustc', ['-vV']);
  const sysroot = (await capture('rustc', ['--print', 'sysroot'])).trim();
  const isThere = () => existsSync(join(sysroot, 'lib', 'rustlib', triple, 'lib'));
  if (!isThere() && found('rustup')) {
    say(`Fetching the Rust target ${triple}`);
    await run('rustup', ['target', 'add', triple], { timeoutMs: FETCH_MS }).catch(() => {});
  }
  if (isThere()) return triple;
  const host = /^host: (\S+)$/m.exec(rustc)?.[1];
  if (target !== process.arch || !host) {
    throw new BuildError(`Rust has no target ${triple} here: rustup target add ${triple}`);
  }
  say(`NOTE: Rust has no target ${triple} here, so this is a build for ${host}, not a static one`);
  return host;
}

/** No C compiler for the target is needed, because Rust brings a linker. */
function linkerFor(triple) {
  if (!triple.endsWith('-musl')) return {};
  return { [`CARGO_TARGET_${triple.toUpperCase().replaceAll('-', '_')}_LINKER`]: 'rust-lld' };
}

/** Keeps the paths of the machine that builds out of the program. */
function remapped(source) {
  const flags = [
    ...(process.env.RUSTFLAGS ? [process.env.RUSTFLAGS] : []),
    `--remap-path-prefix=${cargoHome()}=/cargo`,
    `--remap-path-prefix=${source}=/rathole`,
  ];
  return { RUSTFLAGS: flags.join(' ') };
}

async function prepareSource(dir, patches) {
  const crate = await crateFile();
  await mkdir(dir, { recursive: true });
  // -m: a shared --work folder must not take old files for files that it has compiled
  await run('tar', ['-xzmf', crate, '-C', dir, '--strip-components=1']);
  for (const name of patches) {
    say(`Applying ${name}`);
    await applyPatch(dir, join(PATCHES, name));
  }
  await copyFile(join(HERE, 'Cargo.lock'), join(dir, 'Cargo.lock'));
}

async function applyPatch(dir, patch) {
  if (!found('patch') && !found('git')) {
    throw new BuildError(
      'There is neither patch nor git to apply the patches with: install one of them',
    );
  }
  const [tool, ...args] = found('patch')
    ? ['patch', '-s', '-p1', '-F0', '--no-backup-if-mismatch', '-i', patch]
    : ['git', 'apply', '-p1', patch];
  // git would take a surrounding repository for the place to apply it to
  await run(tool, args, { cwd: dir, env: { GIT_CEILING_DIRECTORIES: dirname(dir) } });
}

/** The published source, as cargo downloads it. Its SHA-256 is checked whoever downloaded it. */
async function crateFile() {
  const known = await crateInCache();
  if (known) return known;
  say(`Fetching the source of rathole ${CRATE_VERSION}`);
  const project = join(workDir, 'fetch');
  await mkdir(join(project, 'src'), { recursive: true });
  await writeFile(join(project, 'src', 'lib.rs'), '');
  await writeFile(
    join(project, 'Cargo.toml'),
    `[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\n` +
      `rathole = { version = "=${CRATE_VERSION}", default-features = false }\n`,
  );
  await run('cargo', ['fetch'], { cwd: project, timeoutMs: FETCH_MS });
  const fetched = await crateInCache();
  if (fetched) return fetched;
  throw new BuildError(
    `cargo fetched rathole ${CRATE_VERSION}, but in ${join(cargoHome(), 'registry', 'cache')} ` +
      `is no rathole-${CRATE_VERSION}.crate with SHA-256 ${CRATE_SHA256}`,
  );
}

async function crateInCache() {
  const cache = join(cargoHome(), 'registry', 'cache');
  if (!existsSync(cache)) return null;
  for (const registry of readdirSync(cache)) {
    const crate = join(cache, registry, `rathole-${CRATE_VERSION}.crate`);
    if (!existsSync(crate)) continue;
    if ((await sha256(crate)) === CRATE_SHA256) return crate;
    say(`NOTE: ${crate} is not the published one, and is not used`);
  }
  return null;
}

const cargoHome = () => process.env.CARGO_HOME ?? join(homedir(), '.cargo');

async function checkVersion(program, patches) {
  const output = await capture(program, ['--version']);
  const version = /^Build Version:\s+(\S+)\s*$/m.exec(output)?.[1];
  const isWhole = patches.length === readSeries().length;
  if (version?.startsWith(CRATE_VERSION) && (!isWhole || version.includes('+gopher.'))) {
    return say(`It says that it is rathole ${version}`);
  }
  throw new BuildError(`What was built says that it is version ${version ?? 'unknown'}`);
}

/** By rename, so that nobody ever finds half of it, and a running one can be replaced. */
async function place(built, out) {
  await mkdir(out, { recursive: true });
  const beside = join(out, `.rathole.${process.pid}`);
  try {
    await copyFile(built, beside);
    await chmod(beside, 0o755);
    await rename(beside, join(out, 'rathole'));
  } finally {
    await rm(beside, { force: true });
  }
  return join(out, 'rathole');
}

async function sha256(path) {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

function found(tool) {
  return spawnSync(tool, ['--version'], { stdio: 'ignore', timeout: QUICK_MS }).status === 0;
}

async function capture(file, args) {
  const lines = await run(file, args, { quiet: true });
  return lines.join('\n');
}

/** Resolves with the last lines that it wrote; rejects with them when it fails or takes too long. */
function run(file, args, { cwd, env = {}, timeoutMs = QUICK_MS, quiet = false } = {}) {
  return new Promise((done, failed) => {
    const tail = [];
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, CARGO_TERM_COLOR: 'never', CARGO_TERM_PROGRESS_WHEN: 'never', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    children.add(child);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill(child);
    }, timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        tail.push(line);
        if (tail.length > KEPT_LINES) tail.shift();
        if (!quiet && /^\s*(Compiling|Downloaded|Downloading|Finished)\b/.test(line))
          say(line.trim());
      });
    }
    const end = (problem) => {
      clearTimeout(timer);
      children.delete(child);
      if (!problem) return done(tail);
      const what = `${file} ${args[0] ?? ''} ${problem}`;
      failed(new BuildError([what, ...tail.map((line) => `  ${line}`)].join('\n')));
    };
    child.on('error', ({ code, message }) =>
      end(code === 'ENOENT' ? 'cannot be run: it is not installed' : `cannot be run: ${message}`),
    );
    child.on('close', (code, signal) => {
      if (isLate) end(`took longer than ${timeoutMs / MINUTE_MS} minutes`);
      else end(code === 0 ? null : `ended with ${signal ?? `code ${code}`}`);
    });
  });
}

/** With all that it started: cargo's compilers are a group of their own. */
function kill(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself
  }
}

function stopOnSignals() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      for (const child of children) kill(child);
      const clean = workDir ? rm(workDir, { recursive: true, force: true, maxRetries: 3 }) : null;
      void Promise.resolve(clean).finally(() => process.kill(process.pid, signal));
    });
  }
}

function say(line) {
  print(`[${Math.round(process.uptime())} s] ${line}`);
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    const isExpected = error instanceof BuildError || error.code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${isExpected ? error.message : error.stack}\n`);
    process.exitCode = 1;
  });
}
