// npm test: from a fresh clone to a verdict. Installs, builds, gets both ratholes, runs the suites.
import { parseArgs } from 'node:util';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { inCheckout, NODE, SetupError } from './setup/checkout.mjs';
import { Progress } from './setup/progress.mjs';
import { run } from './setup/run.mjs';
import { setUp } from './setup/set-up.mjs';

const SUITES = ['unit', 'medium', 'e2e', 'engine'];
const HELP = `npm test [-- SUITE ...]

Sets itself up and runs the suites ${SUITES.join(', ')} (default: all), or "long".
Ends with "N passed, N failed, N skipped". Exit code 1 when one failed, 2 for a wrong call.
`;

/** Where node_modules/.bin comes first, every script that asks for node gets Node 24. */
const env = {
  ...process.env,
  PATH: `${inCheckout('node_modules/.bin')}:${process.env.PATH ?? ''}`,
};

/** @returns how many passed, failed and were skipped; a suite that broke off counts as one failed. */
function runSuite(name, folder) {
  const report = join(folder, `${name}.json`);
  const vitest = inCheckout('node_modules/vitest/vitest.mjs');
  const args = ['run', '--project', name, '--reporter=default', '--reporter=json'];
  const { status } = spawnSync(NODE, [vitest, ...args, `--outputFile.json=${report}`], {
    cwd: inCheckout(),
    env,
    stdio: 'inherit',
  });
  try {
    const counted = JSON.parse(readFileSync(report, 'utf8'));
    const failed = counted.numFailedTests + counted.testResults.filter(brokeOff).length;
    return {
      passed: counted.numPassedTests,
      failed: status === 0 ? failed : Math.max(1, failed),
      skipped: counted.numPendingTests + counted.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** The patches of rathole, on the real programs: they know nothing of Gopher, nor of its tools. */
function runEngineSuite(folder) {
  const report = join(folder, 'engine.tap');
  const reporters = ['spec', 'stdout', 'tap', report].map(
    (value, i) => `--test-reporter${i % 2 === 0 ? '' : '-destination'}=${value}`,
  );
  const { status } = spawnSync(
    NODE,
    ['--test', '--test-concurrency=1', ...reporters, 'engines/rathole/test/*.test.mjs'],
    {
      cwd: inCheckout(),
      env: {
        ...env,
        RATHOLE_PATCHED: env.GOPHER_RATHOLE,
        RATHOLE_RELEASED: env.GOPHER_RATHOLE_RELEASED ?? '',
      },
      stdio: 'inherit',
    },
  );
  const tap = existsSync(report) ? readFileSync(report, 'utf8') : '';
  const count = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  return {
    passed: count('pass'),
    failed: status === 0 ? failed : Math.max(1, failed),
    skipped: count('skipped') + count('todo'),
  };
}

/** A file that failed outside of its tests. */
const brokeOff = ({ status, assertionResults }) =>
  status === 'failed' && !assertionResults.some((result) => result.status === 'failed');

function getRathole(progress, what, ...options) {
  const command = [NODE, inCheckout('scripts/get-rathole.mjs'), ...options];
  const get = (say) => run(command, { what: `Getting ${what}`, say });
  return progress.step(`Getting ${what}`, get, `${what} is there`);
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help) return void process.stdout.write(HELP);
  const unknown = positionals.find((name) => ![...SUITES, 'long'].includes(name));
  if (unknown)
    throw Object.assign(new Error(`There is no suite "${unknown}"`), { code: 'ERR_PARSE_ARGS' });

  const progress = new Progress(process.stdout);
  await setUp(progress);
  env.GOPHER_RATHOLE = await getRathole(progress, 'rathole');
  // Tests of the two together and in comparison say that they are skipped where there is none.
  await getRathole(progress, 'released rathole', '--released').then(
    (path) => (env.GOPHER_RATHOLE_RELEASED = path),
    (error) => progress.line(error.message),
  );

  const folder = mkdtempSync(join(tmpdir(), 'gopher-test-'));
  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    for (const name of positionals.length > 0 ? positionals : SUITES) {
      progress.line(`Suite ${name}`);
      const counted = name === 'engine' ? runEngineSuite(folder) : runSuite(name, folder);
      for (const key of Object.keys(total)) total[key] += counted[key];
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

try {
  await main();
} catch (error) {
  const usage = String(error.code).startsWith('ERR_PARSE_ARGS');
  const known = usage || error instanceof SetupError;
  process.stderr.write(`${known ? error.message : error.stack}\n`);
  process.exitCode = usage ? 2 : 1;
}
