import type { EntityManager } from 'typeorm';
import type { TunnelProtocol } from '../tunnel/tunnel.entity.js';

export interface SnapshotTunnel {
  id: string;
  protocol: TunnelProtocol;
  target: string;
  bindAddress: string;
  port: number;
  tokenSealed: string;
}

export interface SnapshotBackChannel {
  port: number;
  checkPort: number;
  agentPort: number;
  agentCheckPort: number;
  tokenSealed: string;
  checkTokenSealed: string;
  /** Moves of the control client that were completed. */
  generation: number;
  /** Of the control client that is to take the place of the present one; both null: none is. */
  nextPort: number | null;
  nextTokenSealed: string | null;
}

export interface SnapshotMachine {
  id: string;
  /** null: no agent. */
  agent: (SnapshotBackChannel & { agentAddr: string }) | null;
  tunnels: SnapshotTunnel[];
}

/** Everything that generated files are derived from, as it was at one moment. */
export interface EdgeSnapshot {
  machines: SnapshotMachine[];
}

/**
 * One statement, so one moment. A machine has an agent here exactly when it has an address and a
 * back-channel: the one predicate for every file.
 */
const SNAPSHOT = `
  SELECT m."id",
    CASE WHEN m."agent_addr" IS NULL OR b."machine_id" IS NULL THEN NULL
      ELSE json_build_object(
        'agentAddr', m."agent_addr", 'port', b."port", 'checkPort', b."check_port",
        'agentPort', b."agent_port", 'agentCheckPort', b."agent_check_port",
        'tokenSealed', b."token_sealed", 'checkTokenSealed', b."check_token_sealed",
        'generation', b."generation", 'nextPort', b."next_port",
        'nextTokenSealed', b."next_token_sealed") END AS "agent",
    coalesce((
      SELECT json_agg(json_build_object(
        'id', t."id", 'protocol', t."protocol", 'target', t."target",
        'bindAddress', t."bind_address", 'port', t."port", 'tokenSealed', t."token_sealed")
        ORDER BY t."id")
      FROM "tunnel" t WHERE t."machine_id" = m."id"), '[]'::json) AS "tunnels"
  FROM "machine" m LEFT JOIN "back_channel" b ON b."machine_id" = m."id"
  WHERE m."edge_id" = $1 ORDER BY m."id"`;

export async function readEdgeSnapshot(
  manager: EntityManager,
  edgeId: string,
): Promise<EdgeSnapshot> {
  return { machines: await manager.query(SNAPSHOT, [edgeId]) };
}
