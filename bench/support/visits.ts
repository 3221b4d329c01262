import { setTimeout as delay } from 'node:timers/promises';
import { newConnection } from './load.js';
import { listeningPorts } from './proc.js';
import type { Scene } from './scene.js';

const LOOK_MS = 20;
/** So many at a time: those whom nobody serves must not become the load. */
const MOST_AT_ONCE = 64;
const VISIT_MS = 2_000;

export interface Visits {
  /** One who was not served has waited as long as one waits. */
  ms: number[];
  failed: number;
}

export interface Patience {
  timeoutMs: number;
  /** After so many in a row who were not served nobody else comes. */
  failures: number;
  /** Between the end of one and the next. */
  pauseMs?: number;
}

export interface Arrival {
  /** Until all of them were there; if some are missing, how long they were waited for. */
  seconds: number;
  missing: number;
}

/** Visitors with a connection each, the next one when the one before has left. */
export async function visitsInARow(
  scene: Scene,
  address: string,
  count: number,
  { timeoutMs, failures, pauseMs = 0 }: Patience,
): Promise<Visits> {
  const visits: Visits = { ms: [], failed: 0 };
  for (let inARow = 0; visits.ms.length < count && inARow < failures;) {
    scene.goOn();
    const ms = await newConnection(address, timeoutMs).catch(() => null);
    visits.ms.push(ms ?? timeoutMs);
    visits.failed += ms === null ? 1 : 0;
    inARow = ms === null ? inARow + 1 : 0;
    if (pauseMs > 0) await delay(pauseMs);
  }
  return visits;
}

/**
 * A visitor who stays as long as the connection does, and comes again when it ends.
 * @returns the ms until the visitor was served, or `timeoutMs`
 */
export async function untilServed(
  scene: Scene,
  address: string,
  timeoutMs: number,
): Promise<number> {
  const began = performance.now();
  const passed = () => performance.now() - began;
  while (passed() < timeoutMs) {
    scene.goOn();
    const ms = await newConnection(address, Math.ceil(timeoutMs - passed())).catch(() => null);
    if (ms !== null) return passed();
    await delay(LOOK_MS);
  }
  return timeoutMs;
}

/** Until somebody listens on all of them. */
export async function untilBound(
  scene: Scene,
  ports: readonly number[],
  since: number,
  timeoutMs: number,
): Promise<Arrival> {
  let bound = listeningPorts();
  const missing = () => ports.filter((port) => !bound.has(port)).length;
  while (missing() > 0 && performance.now() - since < timeoutMs) {
    scene.goOn();
    await delay(LOOK_MS);
    bound = listeningPorts();
  }
  return arrival(since, timeoutMs, missing());
}

/** Until each of them has carried bytes. Where nobody listens yet nobody is visited. */
export async function untilAllServe(
  scene: Scene,
  ports: readonly number[],
  since: number,
  timeoutMs: number,
): Promise<Arrival> {
  const waiting = new Set(ports);
  const visited = new Set<number>();
  const visit = async (port: number) => {
    visited.add(port);
    const ms = await newConnection(`127.0.0.1:${port}`, VISIT_MS).catch(() => null);
    visited.delete(port);
    waiting.delete(port);
    // Behind the others, whose turn it is.
    if (ms === null) waiting.add(port);
  };
  while (waiting.size > 0 && performance.now() - since < timeoutMs) {
    scene.goOn();
    const bound = listeningPorts();
    const next = [...waiting].filter((port) => bound.has(port) && !visited.has(port));
    for (const port of next.slice(0, MOST_AT_ONCE - visited.size)) void visit(port);
    await delay(LOOK_MS);
  }
  return arrival(since, timeoutMs, waiting.size);
}

function arrival(since: number, timeoutMs: number, missing: number): Arrival {
  const ms = missing > 0 ? timeoutMs : performance.now() - since;
  return { seconds: ms / 1_000, missing };
}
