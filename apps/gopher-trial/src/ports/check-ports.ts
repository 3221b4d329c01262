import { once } from 'node:events';
import { createServer } from 'node:net';
import type { TrialPort } from '../config/trial.config.js';
import { messageOf, UsageError } from '../trial.errors.js';
import { portHolder } from './listeners.js';

/** @param ours the processes of this very trial, which may have its ports. @throws UsageError */
export async function checkPorts(
  ports: readonly TrialPort[],
  ours: ReadonlySet<number>,
): Promise<void> {
  const problems = await Promise.all(ports.map((port) => problemOf(port, ours)));
  const found = problems.filter((problem) => problem !== null);
  if (found.length > 0) throw new UsageError(`${found.join('\n')}\nNothing was started.`);
}

async function problemOf(
  { port, purpose, setting }: TrialPort,
  ours: ReadonlySet<number>,
): Promise<string | null> {
  const error = await tryToListen(port);
  if (error === null) return null;
  const remedy = `Stop that, or have the trial use another port: ${setting}=… npm start`;
  if (error.code !== 'EADDRINUSE') {
    return `Port ${port}, which ${purpose} needs, can not be used: ${messageOf(error)}. ${remedy}`;
  }
  const holder = portHolder(port);
  if (holder.pids.some((pid) => ours.has(pid))) return null;
  return `Port ${port}, which ${purpose} needs, is taken by ${holder.words}\n  ${remedy}`;
}

/** The kernel's own answer: what it refuses now, it would refuse the process that needs it. */
async function tryToListen(port: number): Promise<NodeJS.ErrnoException | null> {
  const server = createServer();
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
    return null;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  } finally {
    server.close();
  }
}
