import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { ROOT, SetupError } from './checkout.mjs';

/** The reason stands at the beginning for npm, at the end for a compiler. */
const KEPT_LINES = 12;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** npm as a command: the one that runs us, if it is npm that does. */
export function npm(...args) {
  const cli = process.env.npm_execpath ?? '';
  return basename(cli) === 'npm-cli.js' ? [process.execPath, cli, ...args] : ['npm', ...args];
}

/**
 * Runs a command to its end, quietly.
 * @returns the last line that it printed
 * @throws SetupError with the end of what it printed
 */
export async function run([file, ...args], { what, say }) {
  /** @type {string[][]} */
  const [first, last] = [[], []];
  const child = spawn(file, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
        (first.length < KEPT_LINES ? first : last).push(line);
        if (last.length > KEPT_LINES) last.splice(0, 2, '…');
        say?.(line);
      }
    });
  }
  const stopForwarding = forward(child, (signal) => {
    child.once('close', () => process.exit(128 + constants.signals[signal]));
  });
  const [code, signal] = await ending(child, file).finally(stopForwarding);
  if (code === 0) return (last.at(-1) ?? first.at(-1) ?? '').trim();
  const reason = signal ? `was ended by ${signal}` : `ended with code ${code}`;
  throw new SetupError(
    [`${what} ${reason}:`, ...[...first, ...last].map((line) => `  ${line}`)].join('\n'),
  );
}

async function ending(child, file) {
  try {
    return await once(child, 'close');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new SetupError(`${file} was not found on PATH; it comes with Node: https://nodejs.org`);
  }
}

/**
 * Becomes the program as far as a process can without exec: same terminal, same end. A Ctrl-C comes
 * to it twice, from the terminal and from here, and it knows that.
 */
export async function handOver(file, args, env) {
  const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  const stopForwarding = forward(child, () => {});
  const [code, signal] = await once(child, 'close');
  stopForwarding();
  if (signal === null) process.exit(code);
  process.kill(process.pid, signal);
}

/** What ends us ends the child first. @returns what ends the forwarding */
function forward(child, then) {
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      child.kill(signal);
      then(signal);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
}
