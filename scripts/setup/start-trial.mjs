import { parseArgs } from 'node:util';
import { NODE, SetupError, TRIAL } from './checkout.mjs';
import { START_HELP } from './help.mjs';
import { Progress, STARTED_AT } from './progress.mjs';
import { handOver } from './run.mjs';
import { setUp } from './set-up.mjs';

const options = {
  detach: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

export async function startTrial(args) {
  try {
    const { values } = parseArgs({ args, options });
    if (values.help) return void process.stdout.write(START_HELP);
    await setUp(new Progress(values.json ? process.stderr : process.stdout));
    await handOver(NODE, [TRIAL, 'start', ...args], { GOPHER_TRIAL_STARTED_AT: STARTED_AT });
  } catch (error) {
    fail(error, 'npm start -- --help');
  }
}

export function fail(error, help) {
  const usage = String(error.code).startsWith('ERR_PARSE_ARGS');
  const text = usage ? `${error.message}\nSee ${help}` : error.message;
  process.stderr.write(`${usage || error instanceof SetupError ? text : error.stack}\n`);
  process.exitCode = usage ? 2 : 1;
}
