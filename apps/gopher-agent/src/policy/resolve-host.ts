import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';

const TIMEOUT_MS = 2_000;

/** Every address that a name has now, as rathole would look it up; none when it has none in time. */
export async function resolveHost(name: string): Promise<string[]> {
  const found = lookup(name, { all: true }).then(
    (addresses) => addresses.map(({ address }) => address),
    () => [],
  );
  return Promise.race([found, delay(TIMEOUT_MS, [], { ref: false })]);
}
