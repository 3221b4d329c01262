/** Below the ports that the kernel hands out itself; each worker of the test runner has its own. */
const FIRST = 16_000;
const BLOCK = 400;
const BLOCKS = 20;

let taken = 0;

export interface PortBlock {
  api: number;
  rathole: number;
  tunnels: { from: number; to: number };
  backChannels: { from: number; to: number };
  /** For agents, targets and whatever else a test listens with. */
  next(): number;
}

/** Ports that no other test of this run uses at the same time. */
export function portBlock(): PortBlock {
  const worker = Number(process.env.VITEST_POOL_ID ?? process.env.VITEST_WORKER_ID ?? 0);
  const base = FIRST + ((worker * 5 + taken++) % BLOCKS) * BLOCK;
  let next = base + 300;
  return {
    api: base,
    rathole: base + 1,
    tunnels: { from: base + 10, to: base + 199 },
    backChannels: { from: base + 200, to: base + 299 },
    next: () => next++,
  };
}
