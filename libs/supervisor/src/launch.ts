import { setTimeout as delay } from 'node:timers/promises';
import { checkStartable, commandOf, sameWords, stopOrderOf } from './command.js';
import { ChildExitWatch, describeExit, type Exit, type ExitWatch } from './exit-watch.js';
import { fileSize, readLogTail } from './log-rotation.js';
import { type PidRecord, savePidRecord } from './pid-record.js';
import { readArgv, readBootId } from './proc.js';
import { ProcessStartError } from './process.errors.js';
import { processFiles } from './process-files.js';
import { type SpawnedChild, spawnChild } from './spawn-child.js';
import type { Supervised, Supervision } from './supervision.js';
import type { ProcessSpec } from './supervisor.js';

/** It counts as started when it lives this long. */
const SETTLE_MS = 50;
const EXEC_POLL_MS = 1;
const EXEC_TIMEOUT_MS = 5_000;

/** @throws ProcessStartError */
export async function launch(spec: ProcessSpec, supervision: Supervision): Promise<Supervised> {
  await checkStartable(spec);
  const files = processFiles(supervision.directory, spec.name);
  const logFrom = await fileSize(files.log);
  const child = await spawnChild(spec, files, supervision.log);
  supervision.claims.set(child.pid, spec.name);
  const watch = new ChildExitWatch(child.process);
  const record = await describeChild(spec, child);
  await Promise.race([watch.exited, executed(child, record.command, watch)]);
  const save = () => saveArgv(record, files.pid, supervision);
  await save();
  const exit = await Promise.race([watch.exited, delay(SETTLE_MS, null)]);
  if (exit) throw endedAtOnce(spec, exit, await readLogTail(files.log, logFrom));
  await save(); // a script has become its interpreter by now, perhaps by way of env
  return { record, watch, adopted: false };
}

async function describeChild(spec: ProcessSpec, child: SpawnedChild): Promise<PidRecord> {
  return {
    pid: child.pid,
    startTicks: child.startTicks,
    bootId: await readBootId(),
    argv: [],
    command: commandOf(spec),
    startedAt: new Date(),
    ownGroup: true,
    stop: stopOrderOf(spec),
  };
}

/** Resolves once prlimit has become the program: until then the command line is not the one. */
async function executed(child: SpawnedChild, command: string[], watch: ExitWatch): Promise<void> {
  if (sameWords(child.argv, command)) return;
  const ended = new AbortController();
  void watch.exited.then(() => ended.abort());
  const deadline = performance.now() + EXEC_TIMEOUT_MS;
  while (!ended.signal.aborted && performance.now() < deadline) {
    const argv = await readArgv(child.pid);
    if (argv.length > 0 && !sameWords(argv, child.argv)) return;
    await delay(EXEC_POLL_MS);
  }
}

async function saveArgv(record: PidRecord, path: string, { log }: Supervision): Promise<void> {
  const argv = await readArgv(record.pid);
  if (argv.length === 0 || sameWords(argv, record.argv)) return;
  record.argv = argv;
  await savePidRecord(path, record, log);
}

function endedAtOnce({ name, file }: ProcessSpec, exit: Exit, logTail: string): ProcessStartError {
  const reason = `it ended at once, ${describeExit(exit)}`;
  return new ProcessStartError({ name, file, reason, logTail, exit });
}
