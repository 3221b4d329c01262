import type { HostMetrics } from './host-metrics.js';

/** How the tunnels of one machine are, as the edge knows from outside. */
export interface TunnelSummary {
  total: number;
  active: number;
  pending: number;
  failed: number;
  /** The newest probe among them. */
  observedAt: Date | null;
}

/** Whether bytes went through the data client of a machine, on a connection made for the purpose. */
export interface DataPathObservation {
  serves: boolean;
  observedAt: Date;
  detail: string;
}

export const REVISION_STATES = [
  'in-sync',
  'pushing',
  'unconfirmed',
  'waits-to-be-fetched',
  'reverted',
  'refused',
] as const;
/**
 * `pushing`: the machine does not have it yet. `unconfirmed`: it has, and goes back by itself unless
 * the edge sees that it serves. `waits-to-be-fetched`: no agent will bring it there.
 */
export type RevisionState = (typeof REVISION_STATES)[number];

/** The configuration that a machine should have, and how far that has come. */
export interface RevisionView {
  /** number: null until it has one. */
  wanted: { sha256: string; number: number | null };
  state: RevisionState;
  /** From what the machine has, a line each; empty when it has what is wanted. */
  differences: string[];
  /** Why the state is what it is; null when there is nothing to say. */
  reason: string | null;
}

/** What the edge sees of a machine without asking its agent. The server supplies it. */
export abstract class EdgeView {
  abstract tunnels(machineIds: readonly string[]): Promise<Map<string, TunnelSummary>>;
  /** null: not known, as with a machine that has no agent. */
  abstract dataPath(machineId: string): DataPathObservation | null;
  /** Why the control client is not where it should be; null: nothing is known against it. */
  abstract controlProblem(machineId: string): string | null;
  /** What the machine measured of itself last; null: not known. */
  abstract metrics(machineId: string): HostMetrics | null;
  /** null: not known yet. */
  abstract revision(machineId: string): RevisionView | null;
}
