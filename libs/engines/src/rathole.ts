import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions } from './build.js';
import type { Engine, EngineRecipe, Environment, LocatedEngine } from './engine.js';
import { inspect } from './inspect.js';
import { locate, type LocateOptions } from './locate.js';
import { PATCH_LEVEL, patchLevelOf } from './rathole-patches.js';

export const RATHOLE_VERSION = '0.5.0';

const patched = (level: number) => `gopher.${level}`;
const RELEASED = 'crates';
/** An older one is better than none: it goes on working while a new one is built, or cannot be. */
const LEVELS = Array.from({ length: PATCH_LEVEL }, (_, i) => PATCH_LEVEL - i);

export const RATHOLE: Engine = {
  name: 'rathole',
  version: RATHOLE_VERSION,
  grade: (version) => (version.split('+')[0] === RATHOLE_VERSION ? patchLevelOf(version) : null),
  bestGrade: PATCH_LEVEL,
  versionArgs: ['--version'],
  parseVersion: (output) => /^Build Version:\s+(\S+)\s*$/m.exec(output)?.[1] ?? null,
  cacheSources: [...LEVELS.map(patched), RELEASED],
  remedy: [
    'Have a checkout of Gopher build it (about two minutes):',
    'npm run rathole',
    'Or have cargo build the released one, which lacks some of what Gopher promises, and put it on',
    'PATH or name it in GOPHER_RATHOLE:',
    `cargo install rathole --version ${RATHOLE_VERSION}`,
  ],
};

const SCRIPT = fileURLToPath(new URL('../../../engines/rathole/build.mjs', import.meta.url));

function fromSource(source: string, what: string, options: readonly string[]): EngineRecipe {
  return {
    engine: RATHOLE,
    what,
    source,
    tool: 'cargo',
    toolDirs: cargoDirs,
    toolRemedy: [
      'Install Rust with its cargo, and start again. Debian and Ubuntu:',
      'apt install rustup && rustup default stable',
      'Elsewhere: https://rustup.rs',
    ],
    command: (root) => [process.execPath, SCRIPT, '--out', join(root, 'bin'), ...options],
    // Otherwise a killed build leaves hundreds of MB in the system's temporary folder.
    env: (root) => ({ TMPDIR: root }),
    product: (root) => join(root, 'bin', 'rathole'),
  };
}

export const RATHOLE_PATCHED = fromSource(
  patched(PATCH_LEVEL),
  `rathole ${RATHOLE_VERSION} with Gopher's patches`,
  [],
);
export const RATHOLE_RELEASED = fromSource(RELEASED, `The released rathole ${RATHOLE_VERSION}`, [
  '--only',
  'none',
]);

/** rustup puts cargo where a service's or a login-less PATH does not look. */
function cargoDirs({ CARGO_HOME, HOME }: Environment): string[] {
  return [CARGO_HOME && join(CARGO_HOME, 'bin'), HOME && join(HOME, '.cargo', 'bin')].filter(
    (dir): dir is string => Boolean(dir),
  );
}

/**
 * The setting; otherwise the one with the most of Gopher's patches, from Gopher's cache or PATH.
 * @throws EngineMissingError that says what was tried and what to do
 */
export function locateRathole(options: LocateOptions): Promise<LocatedEngine> {
  return locate(RATHOLE, options);
}

/**
 * Of one that runs, whose file may have been replaced since. null: it is gone, or is another program.
 */
export async function runningRatholeVersion(pid: number): Promise<string | null> {
  const inspected = await inspect(RATHOLE, `/proc/${pid}/exe`);
  return 'version' in inspected ? inspected.version : null;
}

/** With Gopher's patches, from a checkout. About two minutes on two cores. See `build`. */
export function buildRathole(options: BuildOptions): Promise<LocatedEngine> {
  return build(RATHOLE_PATCHED, options);
}

/** As it was published, to compare with. See `build`. */
export function buildReleasedRathole(options: BuildOptions): Promise<LocatedEngine> {
  return build(RATHOLE_RELEASED, options);
}
