import { type TestEdge, until } from '../../test/product/index.js';

interface Revision {
  number: number;
  outcome: string;
}

const LONGEST_MS = 60_000;

/** The newest revision of a machine; 0: none. */
export async function newestRevision(edge: TestEdge, machineId: string): Promise<Revision> {
  const path = `/machines/${machineId}/revisions?limit=1`;
  const { items } = await edge.api<{ items: Revision[] }>('GET', path);
  return items[0] ?? { number: 0, outcome: 'applied' };
}

/** Resolves once a machine has what it should, and the edge has confirmed it. */
export function untilConfirmed(edge: TestEdge, machineId: string): Promise<Revision> {
  return until(
    `machine ${machineId} is in sync`,
    async () => {
      const { revision } = await edge.status<{ revision: { state: string } }>(machineId);
      const newest = await newestRevision(edge, machineId);
      return revision.state === 'in-sync' && newest.outcome === 'applied' && newest;
    },
    LONGEST_MS,
  );
}
