import { setTimeout as delay } from 'node:timers/promises';
import { type Client, Client as GrpcClient, credentials, Metadata } from '@grpc/grpc-js';
import { generatePrivateKey, machineName } from '@gopher/identity';
import { AgentService } from '@gopher/proto';
import type { TestEdge, TestMachine } from '../test/product/index.js';
import { openEdgeParts } from './support/edge-parts.js';
import { childrenOf, cpuMsOf, fileHandlesOf, memoryOf } from './support/proc.js';
import { joinMachine, startEdge } from './support/product.js';
import type { Scene } from './support/scene.js';

const CALLS = 2_000;
const SETTLE_MS = 5_000;
const WATCHED_MS = 40_000;
const METRICS_INTERVAL_MS = 1_000;

/**
 * The agent as it is shipped: bundled, with its flags, joined, watched by its edge, and measured once a
 * second by somebody who looks.
 */
export async function agentFootprint(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  const machine = await joinMachine(scene, edge, 'attic');
  const { pid } = machine.agent!;
  await delay(SETTLE_MS);
  const fresh = memoryOf(pid);
  const client = await scene.own(
    () => callerOf(edge, machine),
    (client) => client.close(),
  );
  const metrics = followMetrics(client);
  scene.note(`${CALLS} calls`);
  const began = performance.now();
  for (let i = 0; i < CALLS; i += 1) {
    if (i % 100 === 0) scene.goOn();
    await getStatus(client);
  }
  const callMs = (performance.now() - began) / CALLS;
  const after = memoryOf(pid);

  const samplesBefore = metrics.count;
  const measuredShare = await cpuShareOf(scene, pid, 'one metric a second');
  const samples = metrics.count - samplesBefore;
  const due = (WATCHED_MS + SETTLE_MS) / METRICS_INTERVAL_MS;
  if (Math.abs(samples - due) > 3) throw new Error(`${samples} samples came, not ${due}`);
  metrics.end();
  client.close();
  const idleShare = await cpuShareOf(scene, pid, 'idle');

  scene.report('resident after 2,000 calls', after.residentMb, 'MB', { atMost: 90 });
  scene.report('anonymous after 2,000 calls', after.anonymousMb, 'MB', { atMost: 40 });
  scene.report('CPU at one metric a second', measuredShare * 100, '% of a core', { atMost: 0.3 });
  scene.report('CPU while idle and watched', idleShare * 100, '% of a core', { atMost: 0.1 });
  scene.report('resident before', fresh.residentMb, 'MB');
  scene.report('anonymous before', fresh.anonymousMb, 'MB');
  scene.report('one call, mean', callMs, 'ms');
  scene.report('file handles', fileHandlesOf(pid), 'count');
  scene.report('child processes', childrenOf(pid), 'count');
}

async function cpuShareOf(scene: Scene, pid: number, doing: string): Promise<number> {
  scene.note(`${doing}, for ${WATCHED_MS / 1_000} s`);
  await delay(SETTLE_MS);
  const before = cpuMsOf(pid);
  const from = performance.now();
  await delay(WATCHED_MS);
  return (cpuMsOf(pid) - before) / (performance.now() - from);
}

function followMetrics(client: Client): { readonly count: number; end: () => void } {
  const { path, requestSerialize, responseDeserialize } = AgentService.streamMetrics;
  const request = { intervalMs: METRICS_INTERVAL_MS };
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
  );
  const follower = { count: 0, end: () => stream.cancel() };
  stream.on('data', () => (follower.count += 1));
  stream.on('error', () => {}); // it is seen by the samples that do not come
  return follower;
}

/** Calls the agent as its edge does, but on its own machine: what rathole costs is not the agent's. */
async function callerOf(edge: TestEdge, machine: TestMachine): Promise<Client> {
  const parts = await openEdgeParts(edge.environment());
  const { ca } = parts.identity;
  const keyPem = generatePrivateKey();
  const certificatePem = await ca.issueServer(keyPem);
  await parts.close();
  const name = machineName(machine.id);
  const tls = credentials.createSsl(
    Buffer.from(ca.certificatePem),
    Buffer.from(keyPem),
    Buffer.from(certificatePem),
  );
  return new GrpcClient(`127.0.0.1:${machine.agentPort}`, tls, {
    'grpc.ssl_target_name_override': name,
    'grpc.default_authority': name,
  });
}

function getStatus(client: Client): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = AgentService.getStatus;
  const options = { deadline: Date.now() + 5_000 };
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      {},
      new Metadata(),
      options,
      (error) => (error ? reject(error) : resolve()),
    );
  });
}
