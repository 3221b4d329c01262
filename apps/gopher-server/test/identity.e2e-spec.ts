import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { CertificateAuthority, generatePrivateKey, machineName } from '@gopher/identity';
import { MachineEvents } from '@gopher/machine';
import { AgentService } from '@gopher/proto';
import type { Supervisor } from '@gopher/supervisor';
import { TestEdge, TestMachine, until } from '../../../test/product/index.js';
import { ServerConfig } from '../src/config/server.config.js';
import { EdgeIdentity } from '../src/edge/edge-identity.js';
import { CertificateRenewal } from '../src/machine/certificate-renewal.js';
import { GrpcAgentClient } from '../src/machine/grpc-agent-client.js';
import { engineSupervisor } from '../src/startup/engines.js';
import { openDatabase } from '../src/startup/open-database.js';
import { openApp } from './testing-server.js';

interface KeyPair {
  keyPem: string;
  certificatePem: string;
}

describe('between the edge and the real agent', () => {
  let edge: TestEdge;
  let machine: TestMachine;
  let caPem: string;

  beforeAll(async () => {
    edge = await TestEdge.start();
    machine = await TestMachine.join(edge, 'attic');
    caPem = await edge.api<string>('GET', '/ca');
  });

  afterAll(async () => {
    await machine.stop();
    await edge.stop();
  });

  const ownIdentity = () => {
    const file = readFileSync(join(machine.stateDir, 'enrolment.json'), 'utf8');
    return (JSON.parse(file) as { credentials: KeyPair }).credentials;
  };

  /** Calls the agent where it listens, as anyone on its machine could. */
  async function call(caller: KeyPair | null): Promise<unknown> {
    const pem = (text: string) => Buffer.from(text);
    const tls = caller
      ? credentials.createSsl(pem(caPem), pem(caller.keyPem), pem(caller.certificatePem))
      : credentials.createSsl(pem(caPem));
    const client = new Client(`127.0.0.1:${machine.agentPort}`, tls, {
      'grpc.ssl_target_name_override': machineName(machine.id),
    });
    const { path, requestSerialize, responseDeserialize } = AgentService.getStatus;
    const deadline = { deadline: Date.now() + 3_000 };
    try {
      return await new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          {},
          deadline,
          (error: ServiceError | null, answer) => (error ? reject(error) : resolve(answer)),
        );
      });
    } finally {
      client.close();
    }
  }

  async function expectRefused(caller: KeyPair | null): Promise<void> {
    const refusal = await call(caller).then(
      () => null,
      (error: ServiceError) => error.code,
    );
    expect([status.UNAVAILABLE, status.UNAUTHENTICATED, status.PERMISSION_DENIED]).toContain(
      refusal,
    );
  }

  it('a caller without a certificate is refused', () => expectRefused(null));

  it("a caller with the agent's own certificate is refused", () => expectRefused(ownIdentity()));

  it('a caller with a certificate of another CA is refused', async () => {
    const stranger = await CertificateAuthority.create('stranger');
    const keyPem = generatePrivateKey();
    await expectRefused({ keyPem, certificatePem: await stranger.issueServer(keyPem) });
  });

  describe('a renewal', () => {
    let app: NestFastifyApplication;
    let supervisor: Supervisor;

    /** gopher-server inside this process, in the place of the one that runs. */
    beforeAll(async () => {
      await edge.endServer('SIGTERM');
      const config = ServerConfig.parse({
        ...process.env,
        ...edge.environment(),
        GOPHER_LOG_LEVEL: 'silent',
      });
      supervisor = engineSupervisor(config);
      const log = { log: () => {}, warn: () => {} };
      const { database } = await openDatabase(config, supervisor, log);
      app = await openApp(config, database, supervisor);
      await machine.untilUp();
    });

    afterAll(async () => {
      await app.close();
      await supervisor.release();
    });

    const states = () =>
      app
        .get(DataSource)
        .query<{ sha256: string; state: string }[]>(
          `SELECT sha256, state FROM agent_certificate WHERE machine_id = $1 ORDER BY created_at`,
          [machine.id],
        );

    async function shownAnew(target: { id: string; agentAddr: string }): Promise<string | null> {
      const agents = app.get(GrpcAgentClient);
      const channel = await agents.freshChannel(target);
      try {
        await agents.call(channel, AgentService.getStatus, {});
        return channel.presented;
      } finally {
        channel.close();
      }
    }

    it('is asked for by the edge alone: the same call with its certificate is answered', async () => {
      const keyPem = generatePrivateKey();
      const certificatePem = await app.get(EdgeIdentity).ca.issueServer(keyPem);
      await expect(call({ keyPem, certificatePem })).resolves.toMatchObject({
        status: { machineId: machine.id },
      });
    });

    it('is taken up without dropping the channel, and outlives a restart of the agent', async () => {
      const agents = app.get(GrpcAgentClient);
      const { agentAddr } = await edge.api<{ agentAddr: string }>('GET', `/machines/${machine.id}`);
      const target = { id: machine.id, agentAddr };
      const before = await shownAnew(target);
      const changes: string[] = [];
      app
        .get(MachineEvents)
        .agentStatus.subscribe(({ from, to }) => changes.push(`${from} → ${to}`));

      // Due by its dates, so that it is the hourly run that finds it.
      await app.get(DataSource).query(
        `UPDATE agent_certificate SET not_before = now() - interval '61 days',
           not_after = now() + interval '29 days' WHERE machine_id = $1`,
        [machine.id],
      );
      await app.get(CertificateRenewal).run();

      const all = await states();
      expect(all).toHaveLength(2);
      const [old, renewed] = [all.at(0)!, all.at(1)!];
      expect(old).toEqual({ sha256: before, state: 'revoked' });
      expect(renewed).toEqual({ sha256: expect.not.stringMatching(before!), state: 'active' });
      // The stream goes on over the connection that was made with the old one, …
      const reports: unknown[] = [];
      app.get(MachineEvents).report.subscribe((report) => reports.push(report));
      await until('the agent is heard', () => reports.length > 0);
      expect(agents.presentedCertificate(machine.id)).toBe(before);
      expect(changes).toEqual([]);
      // … and a new connection sees the new one, which the agent has kept.
      expect(await shownAnew(target)).toBe(renewed.sha256);
      expect(await states()).toHaveLength(2);

      await machine.endAgent('SIGKILL');
      await machine.startAgent();
      await until('the agent answers with the new certificate', () => {
        return agents.presentedCertificate(machine.id) === renewed.sha256;
      });
      await machine.untilUp();
    });
  });
});
