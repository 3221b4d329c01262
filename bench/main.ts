import { writeFileSync } from 'node:fs';
import { availableParallelism, constants, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { agentFootprint } from './agent-footprint.bench.js';
import { burst100 } from './burst-100.bench.js';
import { convergeAfterOffline } from './converge-after-offline.bench.js';
import { dataPlane } from './data-plane.bench.js';
import { engine } from './engine.bench.js';
import { heal } from './heal.bench.js';
import { pushLatency } from './push-latency.bench.js';
import { restartUnderLoad } from './restart-under-load.bench.js';
import { serverFootprint } from './server-footprint.bench.js';
import { getRathole } from './support/get-rathole.js';
import { type Row, table } from './support/report.js';
import { Scene } from './support/scene.js';
import { sweep1000 } from './sweep-1000.bench.js';
import { tunnelCreate } from './tunnel-create.bench.js';

const BENCHMARKS = new Map<string, (scene: Scene) => Promise<void>>([
  ['tunnel-create', tunnelCreate],
  ['push-latency', pushLatency],
  ['burst-100', burst100],
  ['converge-after-offline', convergeAfterOffline],
  ['heal', heal],
  ['agent-footprint', agentFootprint],
  ['server-footprint', serverFootprint],
  ['sweep-1000', sweep1000],
  ['data-plane', dataPlane],
  ['engine', engine],
  ['restart-under-load', restartUnderLoad],
]);

const HELP = `npm run bench [-- NAME ... --json FILE]

Runs the benchmarks ${[...BENCHMARKS.keys()].join(', ')},
or only those that are named. Prints a table at the end; --json writes the figures to FILE as well. What each one
means: bench/README.md. Exit code 1 when a budget is missed or a benchmark broke off, 2 for a wrong
call.
`;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

interface Call {
  names: string[];
  json: string | undefined;
}

export async function main(args: readonly string[]): Promise<void> {
  const call = read(args);
  if (!call) return;
  // For everything that is started from here on.
  process.env.GOPHER_RATHOLE = getRathole();
  const begun = `${availableParallelism()} cores, load ${load()} at the start`;
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => {}); // between two benchmarks nobody listens
  let signal: NodeJS.Signals | null = null;
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (signal === null) process.stderr.write(`${name}: ending what was started\n`);
      signal ??= name;
      interrupted.reject(new InterruptedError(name));
    });
  }
  const rows: Row[] = [];
  for (const name of call.names) {
    if (signal === null) rows.push(...(await runOne(name, interrupted.promise)));
  }
  if (signal !== null) process.exit(128 + constants.signals[signal as NodeJS.Signals]);
  process.stdout.write(`\n${table(rows)}\n${begun}, ${load()} at the end\n`);
  if (call.json !== undefined) writeFileSync(call.json, `${JSON.stringify(rows, null, 2)}\n`);
  process.exit(rows.every(({ ok }) => ok) ? 0 : 1);
}

function read(args: readonly string[]): Call | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { help: { type: 'boolean', short: 'h' }, json: { type: 'string' } },
      allowPositionals: true,
    });
    if (values.help) {
      process.stdout.write(HELP);
      return null;
    }
    const unknown = positionals.find((name) => !BENCHMARKS.has(name));
    if (unknown !== undefined) throw new Error(`There is no benchmark "${unknown}"`);
    const names = [...BENCHMARKS.keys()];
    // npm goes to the root of the repository; FILE is meant from where it was called.
    const json = values.json && resolve(process.env.INIT_CWD ?? '', values.json);
    return {
      names: positionals.length > 0 ? names.filter((name) => positionals.includes(name)) : names,
      json,
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${HELP}`);
    process.exitCode = 2;
    return null;
  }
}

/** The figures of one benchmark. One that breaks off says so in a figure that misses its budget. */
async function runOne(name: string, interrupted: Promise<never>): Promise<Row[]> {
  const scene = new Scene(name);
  const running = BENCHMARKS.get(name)!(scene);
  running.catch(() => {}); // what comes after an interruption
  try {
    await Promise.race([running, interrupted]);
  } catch (error) {
    if (!(error instanceof InterruptedError)) {
      scene.note(`broke off: ${(error as Error).stack}`);
      if ((error as Error).cause) scene.note(`because: ${String((error as Error).cause)}`);
      scene.report('broke off', 1, 'count', { atMost: 0 });
    }
  } finally {
    await scene.end();
  }
  if (scene.rows.length > 0) process.stderr.write(`\n${table(scene.rows)}\n\n`);
  return scene.rows;
}

const load = () => loadavg()[0]!.toFixed(1);
