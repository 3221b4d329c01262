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
const IDLE_MS = 40_000;

/** The agent as it is shipped: bundled, with its flags, joined, and watched by its edge. */
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
  scene.note(`${CALLS} calls`);
  const began = performance.now();
  for (let i = 0; i < CALLS; i += 1) {
    if (i % 100 === 0) scene.goOn();
    await getStatus(client);
  }
  const callMs = (performance.now() - began) / CALLS;
  const after = memoryOf(pid);
  client.close();

  scene.note(`idle for ${IDLE_MS / 1_000} s`);
  await delay(SETTLE_MS);
  const cpuBefore = cpuMsOf(pid);
  const idleFrom = performance.now();
  await delay(IDLE_MS);
  const cpuShare = (cpuMsOf(pid) - cpuBefore) / (performance.now() - idleFrom);

  scene.report('resident after 2,000 calls', after.residentMb, 'MB', { atMost: 90 });
  scene.report('anonymous after 2,000 calls', after.anonymousMb, 'MB', { atMost: 40 });
  scene.report('CPU while idle and watched', cpuShare * 100, '% of a core', { atMost: 0.1 });
  scene.report('resident before', fresh.residentMb, 'MB');
  scene.report('anonymous before', fresh.anonymousMb, 'MB');
  scene.report('one call, mean', callMs, 'ms');
  scene.report('file handles', fileHandlesOf(pid), 'count');
  scene.report('child processes', childrenOf(pid), 'count');
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
