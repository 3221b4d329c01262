import { claim, isFree } from './claim.js';

/** Above those of `portBlock`, and below the ports that the kernel hands out by itself. */
const FIRST = 28_000;
const BLOCK = 150;
const BLOCKS = 31;

let base: number | undefined;
let taken = 0;

/** A port of 127.0.0.1 on which nobody listens now, and that no other test run is given. */
export async function freePort(): Promise<number> {
  base ??= ownBlock();
  for (let tried = 0; tried < BLOCK; tried += 1) {
    const port = base + (taken++ % BLOCK);
    if (await isFree(port)) return port;
  }
  throw new Error(`None of the ports ${base}-${base + BLOCK - 1} is free`);
}

function ownBlock(): number {
  const block = Array.from({ length: BLOCKS }, (_, i) => i).find((i) => claim(`free-ports-${i}`));
  if (block === undefined) throw new Error('All blocks of free ports are in use by running tests');
  return FIRST + block * BLOCK;
}
