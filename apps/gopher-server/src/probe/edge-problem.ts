import type { RatholeServer } from '../edge/rathole/rathole-server.js';

/** Without rathole no tunnel serves, and no machine is to blame. null: it runs. */
export function edgeProblem(rathole: RatholeServer): string | null {
  const { state, problem } = rathole.status();
  if (state === 'running') return null;
  return `rathole does not run on the edge: ${problem ?? state}`;
}
