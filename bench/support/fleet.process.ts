import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { type AgentIdentity, FakeAgent } from '../../test/product/index.js';
import { serveParent } from './serve-parent.js';

const HEARTBEAT_MS = 5_000;

export type FleetRequest =
  | { does: 'listen'; caPem: string; machines: { id: string; identity: AgentIdentity }[] }
  /** Has something new to say in every next report. */
  | { does: 'change' }
  | { does: 'count' };

export interface FleetResponse {
  /** Of each machine, in the order given. */
  ports: { agent: number; check: number }[];
  watchers: number;
  calls: number;
}

const agents: FakeAgent[] = [];
const ports: FleetResponse['ports'] = [];
let restarts = 0;

async function listen(request: Extract<FleetRequest, { does: 'listen' }>): Promise<void> {
  for (const { id, identity } of request.machines) {
    const agent = await FakeAgent.listen({ machineId: id, caPem: request.caPem, identity });
    agents.push(agent);
    ports.push({ agent: agent.port, check: await echo() });
    setTimeout(() => beat(agent), HEARTBEAT_MS * Math.random());
  }
}

/** As the agent's own: what comes goes back. Resolves with its port. */
async function echo(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** As an agent does while it is watched: the whole status, with figures that always differ. */
function beat(agent: FakeAgent): void {
  if (agent.watchers > 0) {
    agent.tell({
      observedAt: new Date(),
      system: { ...agent.status.system!, cpuUsage: Math.random() },
    });
  }
  setTimeout(() => beat(agent), HEARTBEAT_MS);
}

function change(): void {
  restarts += 1;
  for (const agent of agents) {
    agent.status = { ...agent.status, data: { ...agent.status.data!, restarts } };
  }
}

serveParent<FleetRequest, FleetResponse>(async (request) => {
  if (request.does === 'listen') await listen(request);
  if (request.does === 'change') change();
  const watchers = agents.reduce((sum, agent) => sum + agent.watchers, 0);
  const calls = agents.reduce((sum, agent) => sum + agent.calls.length, 0);
  return { ports, watchers, calls };
});
