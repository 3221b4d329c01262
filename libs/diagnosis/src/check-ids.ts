import type { CheckLeg } from './check.js';

/** Who makes a check: what the agent finds about the edge is the agent's. */
export const CHECK_SIDES = ['edge', 'agent'] as const;
export type CheckSide = (typeof CHECK_SIDES)[number];

interface CheckKind {
  id: string;
  leg: CheckLeg;
  side: CheckSide;
}

/**
 * Every check there is, in causal order: when several fail, the earlier one explains the later ones,
 * or has to be put right first. `docs/diagnosis.md` says of each what it means and what to do.
 */
export const CHECKS = [
  { id: 'edge-disk', leg: 'edge', side: 'edge' },
  { id: 'edge-inodes', leg: 'edge', side: 'edge' },
  { id: 'edge-memory', leg: 'edge', side: 'edge' },
  { id: 'edge-database', leg: 'edge', side: 'edge' },
  { id: 'edge-rathole-runs', leg: 'edge', side: 'edge' },
  { id: 'edge-control-port', leg: 'edge', side: 'edge' },
  { id: 'disk', leg: 'machine', side: 'agent' },
  { id: 'inodes', leg: 'machine', side: 'agent' },
  { id: 'memory', leg: 'machine', side: 'agent' },
  { id: 'clock', leg: 'machine', side: 'agent' },
  { id: 'config-valid', leg: 'machine', side: 'agent' },
  { id: 'config-unedited', leg: 'machine', side: 'agent' },
  { id: 'edge-name-resolves', leg: 'rathole→machine', side: 'agent' },
  { id: 'control-port-reachable', leg: 'rathole→machine', side: 'agent' },
  { id: 'agent-runs', leg: 'machine', side: 'agent' },
  { id: 'control-client', leg: 'rathole→machine', side: 'agent' },
  { id: 'certificate', leg: 'machine', side: 'agent' },
  { id: 'agent-certificate', leg: 'rathole→machine', side: 'edge' },
  { id: 'agent-reachable', leg: 'rathole→machine', side: 'edge' },
  { id: 'data-client', leg: 'rathole→machine', side: 'agent' },
  { id: 'policy', leg: 'machine', side: 'agent' },
  // What the machine refused or took back, it does not have: so it comes before what misses it.
  { id: 'revision', leg: 'machine', side: 'edge' },
  { id: 'config-expected', leg: 'machine', side: 'agent' },
  // Not bound while the data client is away: so it comes after what would explain that.
  { id: 'edge-tunnel-port', leg: 'edge', side: 'edge' },
  { id: 'data-path', leg: 'rathole→machine', side: 'edge' },
  { id: 'target-accepts', leg: 'machine→target', side: 'agent' },
  { id: 'target-speaks', leg: 'machine→target', side: 'agent' },
  { id: 'tunnel-probe', leg: 'machine→target', side: 'edge' },
  { id: 'edge-port-leases', leg: 'edge', side: 'edge' },
  { id: 'edge-noise-services', leg: 'edge', side: 'edge' },
  { id: 'edge-rathole-capabilities', leg: 'edge', side: 'edge' },
  { id: 'rathole-capabilities', leg: 'rathole→machine', side: 'agent' },
  { id: 'versions', leg: 'machine', side: 'agent' },
] as const satisfies readonly CheckKind[];

export type CheckId = (typeof CHECKS)[number]['id'];

/** In causal order. */
export const CHECK_IDS: readonly CheckId[] = CHECKS.map(({ id }) => id);

const LEGS = new Map<string, CheckLeg>(CHECKS.map(({ id, leg }) => [id, leg]));
const RANKS = new Map<string, number>(CHECKS.map(({ id }, rank) => [id, rank]));

export const legOf = (id: CheckId): CheckLeg => LEGS.get(id)!;

/** Where it stands in the causal order; one that only a newer release knows comes last. */
export const causalRank = (id: string): number => RANKS.get(id) ?? CHECKS.length;
