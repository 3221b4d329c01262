import { v7 as uuidv7 } from 'uuid';
import { X509Certificate } from 'node:crypto';
import { certificateSha256, publicKeySha256 } from '@gopher/identity';
import { agentIdentity, type AgentIdentity, type TestEdge } from '../../test/product/index.js';
import { type EdgeParts, openEdgeParts } from './edge-parts.js';
import type { FleetRequest, FleetResponse } from './fleet.process.js';
import type { Scene } from './scene.js';
import { Worker } from './worker.js';

export type Fleet = Worker<FleetRequest, FleetResponse>;

interface FleetMachine {
  id: string;
  identity: AgentIdentity;
}

/**
 * Machines with agents, all of them in one process, each with a certificate of this edge's CA and a
 * port of its own. They are written into the database as their enrolment would have left them.
 * @param edge its gopher-server must not be running
 */
export async function startFleet(scene: Scene, edge: TestEdge, size: number): Promise<Fleet> {
  scene.note(`making ${size} machines`);
  const fleet = await Worker.start<FleetRequest, FleetResponse>(scene, 'fleet');
  const parts = await scene.own(
    () => openEdgeParts(edge.environment()),
    (parts) => parts.close(),
  );
  const { ca } = parts.identity;
  const machines: FleetMachine[] = [];
  for (let i = 0; i < size; i += 1) {
    scene.goOn();
    const id = uuidv7();
    machines.push({ id, identity: await agentIdentity(ca, id) });
  }
  const { ports } = await fleet.ask({ does: 'listen', caPem: ca.certificatePem, machines });
  await enter(parts, machines, ports);
  await parts.close();
  return fleet;
}

async function enter(
  { database, identity, box }: EdgeParts,
  machines: readonly FleetMachine[],
  ports: FleetResponse['ports'],
): Promise<void> {
  const rows = machines.map(({ id, identity: { certificatePem } }, i) => {
    const { validFromDate, validToDate } = new X509Certificate(certificatePem);
    return {
      id,
      name: `machine-${i + 1}`,
      addr: `127.0.0.1:${ports[i]!.agent}`,
      port: ports[i]!.agent,
      check_port: ports[i]!.check,
      token: box.seal(`token-${i}`),
      sha256: certificateSha256(certificatePem),
      key_sha256: publicKeySha256(certificatePem),
      not_before: validFromDate,
      not_after: validToDate,
    };
  });
  await database.query(ENTER, [JSON.stringify(rows), identity.value]);
}

const ENTER = `
  WITH "new" AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS n("id" uuid, "name" text, "addr" text,
      "port" integer, "check_port" integer, "token" text, "sha256" text, "key_sha256" text,
      "not_before" timestamptz, "not_after" timestamptz)
  ), "machines" AS (
    INSERT INTO "machine" ("id", "edge_id", "name", "agent_addr", "agent_status")
    SELECT "id", $2, "name", "addr", 'unknown' FROM "new"
  ), "channels" AS (
    INSERT INTO "back_channel" ("machine_id", "port", "check_port", "agent_port",
      "agent_check_port", "token_sealed", "check_token_sealed")
    SELECT "id", "port", "check_port", 4322, 4323, "token", "token" FROM "new"
  )
  INSERT INTO "agent_certificate" ("sha256", "machine_id", "public_key_sha256", "not_before",
    "not_after", "state")
  SELECT "sha256", "id", "key_sha256", "not_before", "not_after", 'active' FROM "new"`;
