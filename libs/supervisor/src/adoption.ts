import { readdir } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { commandOf, sameWords, stopOrderOf, userOf } from './command.js';
import { holdsExitFifo } from './exit-fifo.js';
import { AdoptedExitWatch } from './exit-watch.js';
import { type PidRecord, readPidRecord, savePidRecord } from './pid-record.js';
import {
  type FoundProcess,
  isAlive,
  listProcesses,
  readArgv,
  readBootId,
  startTime,
} from './proc.js';
import { PID_FILE_SUFFIX, type ProcessFiles, processFiles } from './process-files.js';
import type { Supervised, Supervision } from './supervision.js';
import type { ProcessSpec } from './supervisor.js';

/** Takes over what runs for this purpose; null when nothing does. Signals nobody. */
export async function adopt(
  spec: ProcessSpec,
  supervision: Supervision,
): Promise<Supervised | null> {
  const recorded = await adoptRecorded(spec.name, supervision);
  return recorded ?? (await adoptOrphan(spec, supervision));
}

/** What the pid file tells of, if that very process still runs. */
export async function adoptRecorded(
  name: string,
  supervision: Supervision,
): Promise<Supervised | null> {
  const files = processFiles(supervision.directory, name);
  const record = await readPidRecord(files.pid);
  if (record === null || !(await stillRuns(record))) return null;
  return takeOver(record, name, files, supervision);
}

async function stillRuns(record: PidRecord): Promise<boolean> {
  if (record.bootId !== (await readBootId()) || !isAlive(record)) return false;
  return sameWords(record.argv, await readArgv(record.pid));
}

async function adoptOrphan(
  spec: ProcessSpec,
  supervision: Supervision,
): Promise<Supervised | null> {
  // The oldest has the port and the lock that the others wait for.
  const [oldest, ...others] = await findOrphans(spec, supervision);
  if (!oldest) return null;
  if (others.length > 0) {
    const pids = others.map(({ pid }) => pid).join(', ');
    supervision.log.warn(
      `${spec.name} runs more than once: pid ${oldest.pid} adopted, not ${pids}`,
    );
  }
  const files = processFiles(supervision.directory, spec.name);
  const record: PidRecord = {
    pid: oldest.pid,
    startTicks: oldest.startTicks,
    bootId: await readBootId(),
    argv: [...oldest.argv],
    command: [...oldest.argv],
    startedAt: startTime(oldest.startTicks, uptime(), Date.now()),
    ownGroup: oldest.pgrp === oldest.pid && (await holdsExitFifo(oldest.pid, files.exit)),
    stop: stopOrderOf(spec),
  };
  const adopted = await takeOver(record, spec.name, files, supervision);
  if (adopted) await savePidRecord(files.pid, record, supervision.log);
  return adopted;
}

async function findOrphans(spec: ProcessSpec, supervision: Supervision): Promise<FoundProcess[]> {
  const taken = await recordedElsewhere(spec.name, supervision.directory);
  const command = commandOf(spec);
  const uid = userOf(spec);
  const sameCommand = (found: FoundProcess) => found.uid === uid && sameWords(found.argv, command);
  const candidates = (await listProcesses()).filter(
    (found) =>
      found.pid !== process.pid &&
      !supervision.claims.has(found.pid) &&
      !taken.has(found.pid) &&
      (spec.recognises ?? sameCommand)(found),
  );
  // A worker that was forked off looks like its parent and is no second process.
  const pids = new Set(candidates.map(({ pid }) => pid));
  return candidates.filter(({ ppid }) => !pids.has(ppid));
}

/** What runs under another name of the same directory, though perhaps not started here yet. */
async function recordedElsewhere(name: string, directory: string): Promise<Set<number>> {
  const own = name + PID_FILE_SUFFIX;
  const files = (await readdir(directory)).filter(
    (file) => file.endsWith(PID_FILE_SUFFIX) && file !== own,
  );
  const records = await Promise.all(files.map((file) => readPidRecord(join(directory, file))));
  return new Set(
    records
      .filter((record) => record !== null)
      .filter(isAlive)
      .map(({ pid }) => pid),
  );
}

async function takeOver(
  record: PidRecord,
  name: string,
  files: ProcessFiles,
  { claims }: Supervision,
): Promise<Supervised | null> {
  const fifo = (await holdsExitFifo(record.pid, files.exit)) ? files.exit : null;
  // From here to the claim nothing may be awaited: another name could claim it in between.
  if (claims.has(record.pid)) return null;
  claims.set(record.pid, name);
  return { record, watch: new AdoptedExitWatch(record, fifo), adopted: true };
}
