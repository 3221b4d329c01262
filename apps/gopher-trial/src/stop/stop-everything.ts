import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '@gopher/supervisor';
import { SERVER_MAIN } from '../config/checkout.js';
import { serverEnvironment } from '../process/specs.js';
import { NAMES, type Trial } from '../trial.js';
import { messageOf } from '../trial.errors.js';
import { until } from '../until.js';

/** PostgreSQL writes a checkpoint, for which it has 20 s. */
const ENGINES_TIMEOUT_MS = 45_000;
const LAST_GRACE_MS = 5_000;
const KILL_MS = 5_000;

/**
 * In this order: nobody is to lose what he still needs to end well. One that can not be stopped does
 * not keep the others. Resolves with whether nothing of the trial runs any more.
 */
export async function stopEverything(trial: Trial): Promise<boolean> {
  const { progress, supervisor, directory, join: machine } = trial;
  const { processes } = supervisor;
  await directory.removeSummary();
  await trial.rememberDatabase().catch(() => {});
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    try {
      // A second Ctrl-C ends the command that stops things, not the wish to have them stopped.
      const persistently = () => work().catch(work);
      await progress.step(`Stopping ${what}`, persistently, () => `${what} stopped`);
    } catch (error) {
      progress.line(`${what}: ${messageOf(error)}`);
    }
  };
  await attempt('gopher-agent', () => processes.stop(NAMES.agent));
  await attempt("this machine's rathole clients", () => machine.stopClients());
  await attempt('the sample page', () => processes.stop(NAMES.page));
  await attempt('gopher-server', () => processes.stop(NAMES.server));
  await attempt('rathole and PostgreSQL', () => stopEngines(trial));
  const left = await endWhatIsLeft(trial);
  await processes.release();
  return left.length === 0;
}

async function stopEngines({ config, directory }: Trial): Promise<void> {
  if (!existsSync(join(directory.server, 'run'))) return;
  await runCommand(process.execPath, [SERVER_MAIN, 'stop'], {
    env: serverEnvironment(config, directory),
    timeoutMs: ENGINES_TIMEOUT_MS,
  });
}

/** Whose pid file was lost. Resolves with what even so can not be ended. */
async function endWhatIsLeft(trial: Trial): Promise<number[]> {
  // SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for its clients.
  for (const [signal, timeoutMs] of [
    ['SIGINT', LAST_GRACE_MS],
    ['SIGKILL', KILL_MS],
  ] as const) {
    for (const { pid, argv } of await trial.running()) {
      trial.progress.line(`Ending process ${pid} as well (${signal}): ${shortened(argv)}`);
      end(pid, signal);
    }
    const ask = async () => ((await trial.running()).length === 0 ? true : null);
    const { signal: never } = new AbortController();
    if (await until(ask, { timeoutMs, signal: never })) return [];
  }
  const left = (await trial.running()).map(({ pid }) => pid);
  if (left.length > 0) trial.progress.line(`Still running: ${left.join(', ')}`);
  return left;
}

const shortened = (argv: readonly string[]): string => argv.join(' ').slice(0, 200);

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself, or is somebody else's; the caller looks again.
  }
}
