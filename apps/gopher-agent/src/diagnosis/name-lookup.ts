import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type Lookup =
  | { addresses: string[]; ms: number }
  /** `why` goes on from "The name … ". */
  | { addresses: null; why: string };

export const LOOKUP_MS = 1_500;

const REASONS: Record<string, string> = {
  ENOTFOUND: 'is not known',
  ENODATA: 'has no address',
  EAI_AGAIN: "can not be looked up now: this machine's name server does not answer",
};

/**
 * Under way now. One that hangs holds a thread of Node's few, with which files are read as well, until
 * the system gives it up: a second one for the same name would hold another.
 */
const pending = new Map<string, Promise<Lookup>>();

/** As rathole would: by the system. */
export async function lookUp(host: string): Promise<Lookup> {
  if (isIP(host) !== 0) return { addresses: [host], ms: 0 };
  const found = pending.get(host) ?? begin(host);
  const late: Lookup = {
    addresses: null,
    why: `was not found within ${LOOKUP_MS} ms: this machine's name server does not answer`,
  };
  return Promise.race([found, delay(LOOKUP_MS, late, { ref: false })]);
}

function begin(host: string): Promise<Lookup> {
  const startedAt = performance.now();
  const found = lookup(host, { all: true }).then(
    (all): Lookup => ({
      addresses: all.map(({ address }) => address),
      ms: performance.now() - startedAt,
    }),
    ({ code, message }: NodeJS.ErrnoException): Lookup => ({
      addresses: null,
      why: REASONS[code ?? ''] ?? `can not be looked up: ${message}`,
    }),
  );
  const over = found.finally(() => pending.delete(host));
  pending.set(host, over);
  return over;
}
