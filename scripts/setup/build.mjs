import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { inCheckout, TRIAL } from './checkout.mjs';
import { npm, run } from './run.mjs';

/** Beside the packages: a build has to be made again with new ones. */
const RECORD = inCheckout('node_modules/.gopher-build.json');
const PROGRAMS = [
  inCheckout('apps/gopher-server/dist/main.js'),
  inCheckout('apps/gopher-agent/dist/gopher-agent.mjs'),
  TRIAL,
];
const ROOT_SOURCES = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.base.json',
  'scripts/bundle-agent.mjs',
];
const NOT_BUILT = /\.spec\.ts$|\.tsbuildinfo$/;

export function buildNeeded() {
  if (PROGRAMS.some((path) => !existsSync(path))) return true;
  const built = readRecord();
  // The second: someone may have built other sources meanwhile and put these back.
  return built.sources !== sourcesHash() || built.products !== productsHash();
}

export async function build(say) {
  const sources = sourcesHash();
  await run(npm('run', '--silent', 'build'), { what: 'npm run build', say });
  writeFileSync(RECORD, JSON.stringify({ sources, products: productsHash() }));
}

function readRecord() {
  try {
    return JSON.parse(readFileSync(RECORD, 'utf8'));
  } catch {
    return {};
  }
}

/** By content: a checkout or a copy changes the times of files that it does not change. */
function sourcesHash() {
  const hash = createHash('sha256').update(process.arch);
  const own = projects().flatMap((project) => [
    ...['package.json', 'tsconfig.build.json'].map((name) => `${project}/${name}`),
    ...filesBelow(`${project}/src`),
  ]);
  for (const path of [...ROOT_SOURCES, ...own]) {
    if (!existsSync(inCheckout(path))) continue;
    hash.update(`\0${path}\0`).update(readFileSync(inCheckout(path)));
  }
  return hash.digest('hex');
}

function productsHash() {
  const hash = createHash('sha256');
  for (const path of projects().flatMap((project) => filesBelow(`${project}/dist`))) {
    const { size, mtimeMs } = statSync(inCheckout(path));
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

const projects = () =>
  ['libs', 'apps'].flatMap((group) =>
    readdirSync(inCheckout(group))
      .sort()
      .map((name) => `${group}/${name}`),
  );

function filesBelow(folder) {
  if (!existsSync(inCheckout(folder))) return [];
  return readdirSync(inCheckout(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !NOT_BUILT.test(entry.name))
    .map(
      ({ parentPath, path, name }) =>
        `${(parentPath ?? path).slice(inCheckout().length + 1)}/${name}`,
    )
    .sort();
}
