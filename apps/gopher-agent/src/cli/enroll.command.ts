import { AgentConfig, DEFAULT_AGENT_PORT, DEFAULT_CHECK_PORT } from '../config/agent.config.js';
import { UsageError } from '../agent.errors.js';
import { parseEdgeUrl } from '../enrolment/edge-url.js';
import { enrol, type JoinOrder } from '../enrolment/enrol.js';
import { parseFingerprint } from '../enrolment/fingerprint.js';
import { HttpsEdgeClient } from '../enrolment/https-edge-client.js';
import { readHandRunClient } from '../enrolment/take-over.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import { StateDirectory } from '../state/state-directory.js';
import { lockHolder, lockState } from '../state/state-lock.js';
import { withProgress } from './progress.js';

export interface EnrollOptions {
  server: string;
  token: string;
  caFingerprint: string;
  clientConfig?: string;
  json?: boolean;
}

export async function enroll(options: EnrollOptions): Promise<void> {
  const config = AgentConfig.fromEnvironment();
  const server = parseEdgeUrl(options.server);
  const order = await toOrder(options, config);
  const state = new StateDirectory(config.stateDir);
  await state.prepare();
  const lock = await lockState(state, 'enrol');
  try {
    const edge = new HttpsEdgeClient(server, order.fingerprint);
    const record = await withProgress(`Asking ${server.origin}`, enrol(state, edge, order));
    const running = await lockHolder(state, 'run');
    report(record, running?.pid ?? null, options.json ?? false);
  } finally {
    lock.release();
  }
}

async function toOrder(options: EnrollOptions, config: AgentConfig): Promise<JoinOrder> {
  const { server, token, caFingerprint, clientConfig } = options;
  const agentPort = config.agentPort ?? DEFAULT_AGENT_PORT;
  const checkPort = config.checkPort ?? DEFAULT_CHECK_PORT;
  if (agentPort === checkPort) {
    throw new UsageError('GOPHER_AGENT_PORT and GOPHER_AGENT_CHECK_PORT must differ');
  }
  return {
    serverUrl: server,
    token: token.trim(),
    fingerprint: parseFingerprint(caFingerprint),
    agentPort,
    checkPort,
    handRun: clientConfig === undefined ? null : await readHandRunClient(clientConfig),
  };
}

function report(record: EnrolmentRecord, runningPid: number | null, json: boolean): void {
  const { machineId, machineName, serverUrl, agentPort, checkPort } = record;
  if (json) {
    const result = { machineId, machineName, serverUrl, agentPort, checkPort, runningPid };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  process.stdout.write(`This machine is enrolled as "${machineName}" (${machineId}).\n`);
  process.stdout.write(
    runningPid === null
      ? 'Next: gopher-agent run\n'
      : `The agent that runs now (process ${runningPid}) still uses what it had: restart it.\n`,
  );
}
