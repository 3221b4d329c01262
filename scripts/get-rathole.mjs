// npm run rathole. Runs under Node 24, on what npm run build has made.
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import {
  buildRathole,
  buildReleasedRathole,
  EngineBuildError,
  EngineMissingError,
  engineCacheDir,
  locateRathole,
  isWhollyPatched,
} from '../libs/engines/dist/index.js';

const HELP = `npm run rathole [-- --released]

Prints where rathole is: the one that GOPHER_RATHOLE names, or one with Gopher's patches. Builds that
where it is nowhere to be found (about two minutes, kept in ~/.cache/gopher/engines).

  --released   the one without patches, to compare with: what GOPHER_RATHOLE_RELEASED names, or built
`;

const { env } = process;
const cacheDir = engineCacheDir(env);
/** The build is a process group of its own: a Ctrl-C does not reach it. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => stop.abort(signal));

async function patched() {
  const where = { cacheDir, searchPath: env.PATH ?? '' };
  if (env.GOPHER_RATHOLE) return locateRathole({ ...where, explicitPath: env.GOPHER_RATHOLE });
  const found = await locateRathole(where).catch((error) => {
    if (error instanceof EngineMissingError) return null;
    throw error;
  });
  if (found && isWhollyPatched(found.version)) return found;
  for (const warning of found?.warnings ?? []) process.stderr.write(`${warning}\n`);
  return buildRathole({ cacheDir, env, onProgress, signal: stop.signal });
}

async function released() {
  const explicitPath = env.GOPHER_RATHOLE_RELEASED;
  if (explicitPath) return unpatched(await locateRathole({ explicitPath, searchPath: '' }));
  return buildReleasedRathole({ cacheDir, env, onProgress, signal: stop.signal });
}

function unpatched({ path, version }) {
  if (!version.includes('+')) return { path };
  throw new EngineMissingError(
    'A released rathole',
    [{ where: path, problem: `is ${version}` }],
    ['Correct GOPHER_RATHOLE_RELEASED, or remove it to have one built'],
  );
}

function onProgress(elapsedMs, line) {
  process.stderr.write(`${Math.round(elapsedMs / 1000)} s ${line.trim()}\n`);
}

try {
  const { values } = parseArgs({
    options: { released: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    process.stdout.write(HELP);
  } else {
    console.log((await (values.released ? released() : patched())).path);
  }
} catch (error) {
  if (stop.signal.aborted) process.exit(128 + constants.signals[stop.signal.reason]);
  const usage = String(error.code).startsWith('ERR_PARSE_ARGS');
  const known = usage || error instanceof EngineMissingError || error instanceof EngineBuildError;
  process.stderr.write(`${known ? error.message : error.stack}\n`);
  process.exitCode = usage ? 2 : 1;
}
