import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { inCheckout, NODE, TRIAL } from './checkout.mjs';
import { STOP_HELP } from './help.mjs';
import { Progress, STARTED_AT } from './progress.mjs';
import { handOver } from './run.mjs';
import { setUp } from './set-up.mjs';
import { fail } from './start-trial.mjs';

const options = { purge: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };

export async function stopTrial(args) {
  try {
    const { values } = parseArgs({ args, options });
    if (values.help) return void process.stdout.write(STOP_HELP);
    const ready = existsSync(NODE) && existsSync(TRIAL);
    if (!ready && !existsSync(join(trialDirectory(), 'trial'))) {
      return void process.stdout.write('Nothing of the trial runs.\n');
    }
    if (!ready) await setUp(new Progress(process.stdout));
    await handOver(NODE, [TRIAL, 'stop', ...args], { GOPHER_TRIAL_STARTED_AT: STARTED_AT });
  } catch (error) {
    fail(error, 'npm stop -- --help');
  }
}

function trialDirectory() {
  const { GOPHER_TRIAL_DIR, INIT_CWD } = process.env;
  if (!GOPHER_TRIAL_DIR) return inCheckout('.gopher');
  return resolve(INIT_CWD ?? process.cwd(), GOPHER_TRIAL_DIR);
}
