import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineStatusView } from '../src/machine/machine.schema.js';
import type { FakeAgent } from '../../../test/product/fake-agent.js';
import { HandRunClient } from '../../../test/product/hand-run-client.js';
import { until } from '../../../test/product/until.js';
import type { Page } from '../src/http/paging.js';
import type { RevisionSummary } from '../src/revision/revision.schema.js';
import type { TunnelView } from '../src/tunnel/tunnel.schema.js';
import type { TestingServer } from './testing-server.js';

/** A machine whose agent is a fake that awaits confirmations, with a real data client. */
export class TestingMachine {
  private echoServer: Server | null = null;
  private readonly visitors = new Set<Socket>();

  private constructor(
    readonly server: TestingServer,
    readonly id: string,
    readonly agent: FakeAgent,
    readonly client: HandRunClient,
    private readonly checkPort: number,
  ) {}

  static async join(server: TestingServer, name: string): Promise<TestingMachine> {
    const { id, join: joining } = await server.createMachine(name);
    const checkPort = server.ports.next();
    const { body, keyPem } = await server.enrol(joining.token, { checkPort });
    const client = new HandRunClient(await mkdtemp(join(tmpdir(), 'gopher-client-')));
    await client.write(body.data.toml);
    const identity = { keyPem, certificatePem: body.certificatePem };
    const agent = await server.agentAt(id, identity, { config: body.data });
    agent.onConfig = (toml) => client.write(toml);
    const machine = new TestingMachine(server, id, agent, client, checkPort);
    await machine.mend();
    await client.start();
    await server.untilAgentIs(id, 'up');
    await machine.untilInSync();
    return machine;
  }

  /** From here on no bytes pass its data client. */
  cut(): void {
    this.echoServer?.close();
    this.echoServer = null;
    for (const socket of this.visitors) socket.destroy();
  }

  async mend(): Promise<void> {
    const server = createServer((socket) => {
      this.visitors.add(socket);
      socket.on('close', () => this.visitors.delete(socket));
      socket.on('error', () => socket.destroy());
      socket.pipe(socket);
    });
    server.listen(this.checkPort, '127.0.0.1');
    await once(server, 'listening');
    this.echoServer = server;
  }

  createTunnel(target = '127.0.0.1:9'): Promise<TunnelView> {
    return this.server.api('POST', '/tunnels', { machineId: this.id, target });
  }

  retarget(tunnelId: string, target: string): Promise<TunnelView> {
    return this.server.api('PATCH', `/tunnels/${tunnelId}`, { target });
  }

  status(): Promise<MachineStatusView> {
    return this.server.api('GET', `/machines/${this.id}/status`);
  }

  /** Newest first. */
  async revisions(): Promise<RevisionSummary[]> {
    const path = `/machines/${this.id}/revisions?limit=200`;
    return (await this.server.api<Page<RevisionSummary>>('GET', path)).items;
  }

  async newest(): Promise<RevisionSummary> {
    return (await this.revisions())[0]!;
  }

  /** Resolves with the newest revision once it has this outcome. */
  untilNewestIs(outcome: RevisionSummary['outcome'], above = 0): Promise<RevisionSummary> {
    return until(`the newest revision above ${above} is ${outcome}`, async () => {
      const newest = await this.newest();
      if (newest.outcome === outcome && newest.number > above) return newest;
      throw new Error(JSON.stringify(newest));
    });
  }

  async untilInSync(): Promise<void> {
    await until('the machine has what is wanted', async () => {
      const { revision } = await this.status();
      if (revision?.state === 'in-sync') return true;
      throw new Error(JSON.stringify(revision));
    });
  }

  async stop(): Promise<void> {
    this.cut();
    this.agent.close();
    await this.client.kill();
    await rm(this.client.directory, { recursive: true, force: true });
  }
}
