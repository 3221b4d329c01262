import { TrialError, UsageError } from '../trial.errors.js';

/** Resolves with the exit code. What is not needed is not loaded: the sample page stays small. */
export async function run(args: readonly string[]): Promise<number> {
  // The terminal may go before we do.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    if (args[0] === 'sample-page') {
      await (await import('../sample/serve.js')).serveSample();
      return 0;
    }
    return await carryOut(args);
  } catch (error) {
    const known = error instanceof TrialError || isKnown(error);
    process.stderr.write(`${known ? error.message : String((error as Error).stack ?? error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function carryOut(args: readonly string[]): Promise<number> {
  const { parseOrder } = await import('./arguments.js');
  const { TrialConfig } = await import('../config/trial.config.js');
  const order = parseOrder(args);
  const config = TrialConfig.fromEnvironment();
  if (order.command === 'stop') return (await import('../stop/stop.js')).stop(config, order);
  return (await import('../start/start.js')).start(config, order);
}

/** The supervisor's and the engines' errors are written for a person, and have a code. */
const isKnown = (error: unknown): error is Error => error instanceof Error && 'code' in error;
