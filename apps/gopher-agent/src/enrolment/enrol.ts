import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type EnrolmentResponse, PROTOCOL_VERSION } from '@gopher/proto';
import { configSha256, parseClient, parseHostPort } from '@gopher/rathole';
import { AgentError, EnrolmentError } from '../agent.errors.js';
import { enrolmentFile, type EnrolmentRecord } from '../identity/enrolment-record.js';
import { checkMachineCertificate } from '../identity/machine-certificate.js';
import { parseDataConfig } from '../rathole/config-guard.js';
import type { StateDirectory } from '../state/state-directory.js';
import { AGENT_VERSION } from '../version.js';
import type { EdgeClient } from './edge-client.js';
import { requirePinned } from './fingerprint.js';
import { joinCredentials } from './join-key.js';
import { type HandRunClient, requireCompatible } from './take-over.js';

export interface JoinOrder {
  serverUrl: string;
  token: string;
  fingerprint: string;
  agentPort: number;
  checkPort: number;
  handRun: HandRunClient | null;
}

/**
 * Makes this machine one of the edge's. Until the last step, which is one rename, nothing changes
 * that a running agent or a repeated run depends on.
 * @throws AgentError
 */
export async function enrol(
  state: StateDirectory,
  edge: EdgeClient,
  order: JoinOrder,
): Promise<EnrolmentRecord> {
  const { agentPort, checkPort, token } = order;
  const { keyPem, csrPem } = await joinCredentials(state, token);
  const response = await edge.enrol({
    token,
    csrPem,
    agentVersion: AGENT_VERSION,
    protocolVersion: PROTOCOL_VERSION,
    hostname: hostname().slice(0, 255) || 'unknown',
    agentPort,
    checkPort,
  });
  requirePinned(response.caPem, order.fingerprint);
  const { machineId, caPem, certificatePem } = response;
  checkMachineCertificate(certificatePem, { keyPem, caPem, machineId });
  checkConfigs(response, order);
  const record = toRecord(response, order, keyPem);
  await enrolmentFile(state).write(record);
  return record;
}

function toRecord(response: EnrolmentResponse, order: JoinOrder, keyPem: string): EnrolmentRecord {
  const { machineId, machineName, caPem, certificatePem, controlToml, data } = response;
  return {
    id: randomUUID(),
    machineId,
    machineName,
    serverUrl: order.serverUrl,
    enrolledAt: new Date().toISOString(),
    agentPort: order.agentPort,
    checkPort: order.checkPort,
    adoptedClientFile: order.handRun?.path ?? null,
    caPem,
    credentials: { keyPem, certificatePem },
    control: { revision: '0', toml: controlToml, sha256: configSha256(controlToml) },
    data: { ...data, revision: String(data.revision) },
  };
}

/** What the edge sent must work on this machine before anything is switched to it. */
function checkConfigs(response: EnrolmentResponse, order: JoinOrder): void {
  const { data, controlToml, machineId } = response;
  if (configSha256(data.toml) !== data.sha256) {
    throw new EnrolmentError(
      'The configuration from the edge arrived damaged: run the command again',
    );
  }
  try {
    const control = parseClient(controlToml);
    const ports = control.services.map(({ localAddr }) => parseHostPort(localAddr)?.port);
    if (ports.length === 0 || ports.some((port) => port !== order.agentPort)) {
      throw new EnrolmentError(
        'The control configuration from the edge does not lead to this agent',
      );
    }
    const next = parseDataConfig(data.toml, { ...order, machineId });
    if (order.handRun) requireCompatible(order.handRun, next);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new EnrolmentError(
      `The edge sent a configuration that can not be used: ${messageOf(error)}`,
    );
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
