/** A program of others that Gopher runs. All that differs between one engine and the next. */
export interface Engine {
  /** Name of the program's file, and of its folder in the cache. */
  name: string;
  /** The release that its configuration format is checked against. */
  version: string;
  /** Which builds are used at all. 0: a good one; higher: better. null: not this one. */
  grade(version: string): number | null;
  /** Above it nothing better is looked for. */
  bestGrade: number;
  versionArgs: readonly string[];
  /** Reads the version out of what the program prints; null when it is not there. */
  parseVersion(output: string): string | null;
  /** Which entries of the cache are good, best first; see `cacheEntryName`. */
  cacheSources: readonly string[];
  /** What a person can do when it is nowhere to be found, one step a line. */
  remedy: readonly string[];
}

/** How an engine is built from its source. */
export interface EngineRecipe {
  engine: Engine;
  /** For a person: what is built. */
  what: string;
  /** Names the entry that the build makes in the cache; one of the engine's `cacheSources`. */
  source: string;
  /** What has to be installed: a name that is looked up, and what to do when it is missing. */
  tool: string;
  toolDirs(env: Environment): string[];
  toolRemedy: readonly string[];
  /** A program and its arguments. `root` is an empty folder that the build may fill. */
  command(root: string): [string, ...string[]];
  env(root: string): Record<string, string>;
  /** Where the program is once the build has ended well. */
  product(root: string): string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export const ENGINE_ORIGINS = ['setting', 'cache', 'path'] as const;
export type EngineOrigin = (typeof ENGINE_ORIGINS)[number];

export interface LocatedEngine {
  /** Absolute. */
  path: string;
  version: string;
  source: EngineOrigin;
  /** What was refused on the way, for the log: a damaged cache entry, for example. */
  warnings: readonly string[];
}
