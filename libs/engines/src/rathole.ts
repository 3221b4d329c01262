import { join } from 'node:path';
import { build, type BuildOptions } from './build.js';
import type { Engine, EngineRecipe, Environment, LocatedEngine } from './engine.js';
import { locate, type LocateOptions } from './locate.js';

export const RATHOLE_VERSION = '0.5.0';

export const RATHOLE: Engine = {
  name: 'rathole',
  version: RATHOLE_VERSION,
  versionArgs: ['--version'],
  parseVersion: (output) => /^Build Version:\s+(\S+)\s*$/m.exec(output)?.[1] ?? null,
  cacheSources: ['crates'],
  remedy: [
    'Have cargo build it (about two minutes), and put it on PATH or name it in GOPHER_RATHOLE:',
    `cargo install rathole --version ${RATHOLE_VERSION}`,
  ],
};

export const RATHOLE_FROM_CRATES: EngineRecipe = {
  engine: RATHOLE,
  source: 'crates',
  tool: 'cargo',
  toolDirs: cargoDirs,
  toolRemedy: [
    'Install Rust with its cargo, and start again. Debian and Ubuntu:',
    'apt install rustup && rustup default stable',
    'Elsewhere: https://rustup.rs',
  ],
  // Without --locked: the `time` crate that rathole's lock file names no longer compiles.
  args: (root) => ['install', 'rathole', '--version', RATHOLE_VERSION, '--root', root],
  env: (root) => ({
    // Otherwise a killed build leaves hundreds of MB in the system's temporary folder.
    CARGO_TARGET_DIR: join(root, 'target'),
    CARGO_TERM_COLOR: 'never',
    CARGO_TERM_PROGRESS_WHEN: 'never',
  }),
  product: (root) => join(root, 'bin', 'rathole'),
};

/** rustup puts cargo where a service's or a login-less PATH does not look. */
function cargoDirs({ CARGO_HOME, HOME }: Environment): string[] {
  return [CARGO_HOME && join(CARGO_HOME, 'bin'), HOME && join(HOME, '.cargo', 'bin')].filter(
    (dir): dir is string => Boolean(dir),
  );
}

/**
 * In this order: the setting, Gopher's cache, PATH.
 * @throws EngineMissingError that says what was tried and what to do
 */
export function locateRathole(options: LocateOptions): Promise<LocatedEngine> {
  return locate(RATHOLE, options);
}

/** About two minutes on two cores. See `build`. */
export function buildRathole(options: BuildOptions): Promise<LocatedEngine> {
  return build(RATHOLE_FROM_CRATES, options);
}
