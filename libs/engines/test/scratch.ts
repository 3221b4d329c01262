import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EngineRecipe } from '../src/engine.js';
import { RATHOLE_PATCHED } from '../src/rathole.js';
import { PATCH_LEVEL } from '../src/rathole-patches.js';

export interface Scratch extends AsyncDisposable {
  dir: string;
  path(...parts: string[]): string;
  /** Writes an executable shell script. */
  script(name: string, body: string): Promise<string>;
  /** Everything in the cache's folder of rathole. */
  cached(): Promise<string[]>;
}

export async function scratch(): Promise<Scratch> {
  const dir = await mkdtemp(join(tmpdir(), 'gopher-engines-'));
  const path = (...parts: string[]) => join(dir, ...parts);
  return {
    dir,
    path,
    async script(name, body) {
      const file = path(name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, `#!/bin/sh\nPATH=/usr/bin:/bin\n${body}\n`);
      await chmod(file, 0o755);
      return file;
    },
    cached: () => readdir(path('cache', 'rathole')).then((names) => names.toSorted()),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** Prints what a rathole of this version would. */
export const versionScript = (version = '0.5.0') =>
  `printf 'rathole\\n\\nBuild Timestamp:     x\\nBuild Version:       ${version}\\n'`;

export const PATCHED = `0.5.0+gopher.${PATCH_LEVEL}`;

/** Real but for what is run: a cargo that compiles nothing. */
export const RECIPE: EngineRecipe = {
  ...RATHOLE_PATCHED,
  command: (root) => ['cargo', 'install', '--root', root],
};

/** Leaves a program that says this version where the recipe looks for it. */
export const fakeCargo = (version = PATCHED) => `
echo "  Installing rathole v0.5.0" >&2
mkdir -p "$3/bin"
cat > "$3/bin/rathole" <<'END'
#!/bin/sh
${versionScript(version)}
END
chmod 755 "$3/bin/rathole"`;

/** A process is gone when nothing of it is left but, at most, an entry that its parent must read. */
export async function isGone(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat === null || stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
}
