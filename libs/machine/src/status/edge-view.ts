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

/** What the edge sees of a machine without asking its agent. The server supplies it. */
export abstract class EdgeView {
  abstract tunnels(machineIds: readonly string[]): Promise<Map<string, TunnelSummary>>;
  /** null: not known, as with a machine that has no agent. */
  abstract dataPath(machineId: string): DataPathObservation | null;
}
