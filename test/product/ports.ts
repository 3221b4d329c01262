import { claim, isFree } from './claim.js';

/** Below the ports that the kernel hands out itself. */
const FIRST = 16_000;
const BLOCK = 400;
const BLOCKS = 20;

export interface PortBlock {
  api: number;
  rathole: number;
  tunnels: { from: number; to: number };
  backChannels: { from: number; to: number };
  /** For agents, targets and whatever else a test listens with. */
  next(): number;
}

/** Ports that nobody else has for as long as this process lives, not even another test run. */
export function portBlock(): PortBlock {
  const block = Array.from({ length: BLOCKS }, (_, i) => i).find((i) => claim(`port-block-${i}`));
  if (block === undefined) throw new Error('All blocks of ports are in use by running tests');
  const base = FIRST + block * BLOCK;
  let next = base + 300;
  return {
    api: base,
    rathole: base + 1,
    tunnels: { from: base + 10, to: base + 199 },
    backChannels: { from: base + 200, to: base + 299 },
    next: () => next++,
  };
}

/** As `portBlock`, without one that has a rathole: a test run that was killed leaves its own behind. */
export async function freePortBlock(): Promise<PortBlock> {
  for (;;) {
    const block = portBlock();
    if ((await isFree(block.rathole)) && (await isFree(block.api))) return block;
  }
}
