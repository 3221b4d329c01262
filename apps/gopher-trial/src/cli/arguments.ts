import { parseArgs } from 'node:util';
import { messageOf, UsageError } from '../trial.errors.js';

export type Order =
  { command: 'start'; detach: boolean; json: boolean } | { command: 'stop'; purge: boolean };

/** @throws UsageError */
export function parseOrder([command, ...args]: readonly string[]): Order {
  if (command === 'start') {
    const { detach = false, json = false } = parse(args, ['detach', 'json']);
    return { command, detach, json };
  }
  if (command === 'stop') {
    const { purge = false } = parse(args, ['purge']);
    return { command, purge };
  }
  throw new UsageError('Use npm start or npm stop; npm start -- --help tells more');
}

function parse(args: string[], flags: string[]): Record<string, boolean | undefined> {
  const options = Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' as const }]));
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(`${messageOf(error)}; npm start -- --help tells more`, { cause: error });
  }
}
