import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { CertificateAuthority, certificateSha256, generatePrivateKey } from '@gopher/identity';
import { AgentUnreachableError, Machine } from '@gopher/machine';
import { agentIdentity, type AgentIdentity, FakeAgent } from '../../../test/product/fake-agent.js';
import { until } from '../../../test/product/until.js';
import { Reconciler } from '../src/edge/reconciler.js';
import { AgentCertificate } from '../src/enrolment/agent-certificate.entity.js';
import { JoinToken } from '../src/enrolment/join-token.entity.js';
import { AgentCertificates } from '../src/machine/agent-certificates.js';
import { GrpcAgentClient } from '../src/machine/grpc-agent-client.js';
import { TestingServer } from './testing-server.js';

const DAY_MS = 86_400_000;
const SHORT_DEADLINE = { GOPHER_AGENT_DEADLINE_MS: '700' };

describe('who answers for a machine', () => {
  let server: TestingServer;
  let machines = 0;

  beforeAll(async () => {
    server = await TestingServer.start(SHORT_DEADLINE);
  });

  afterAll(() => server.stop());

  /** A machine that has enrolled, and whose agent nobody has heard of yet. */
  async function enrolled() {
    const { id, join } = await server.createMachine(`machine-${++machines}`);
    const { body, keyPem } = await server.enrol(join.token);
    const identity: AgentIdentity = { keyPem, certificatePem: body.certificatePem };
    const target = { id, agentAddr: `127.0.0.1:${await server.agentPort(id)}` };
    return { id, identity, target, token: join.token };
  }

  const agents = () => server.get(GrpcAgentClient);
  const row = (id: string) => server.database.getRepository(Machine).findOneByOrFail({ id });
  const certificates = (machineId: string) =>
    server.database.getRepository(AgentCertificate).findBy({ machineId });

  /** The edge has looked, and found nobody whom it takes for the agent. */
  async function expectNotTaken({ id, target }: Awaited<ReturnType<typeof enrolled>>) {
    const refusal: unknown = await server.askAnew(target).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AgentUnreachableError);
    expect(String(refusal)).not.toContain('ECONNREFUSED'); // somebody was met
    const { agentMisses } = await row(id);
    await until('the edge has looked', async () => (await row(id)).agentMisses > agentMisses + 1);
    expect(await server.agentStatus(id)).toBe('unknown');
    expect((await certificates(id)).map(({ state }) => state)).toEqual(['issued']);
    const token = await server.database.getRepository(JoinToken).findOneByOrFail({ machineId: id });
    expect(token.consumedAt).toBeNull();
  }

  const strangers: [string, (machineId: string) => Promise<AgentIdentity>][] = [
    [
      'a certificate of another CA with the right name',
      async (id) => agentIdentity(await CertificateAuthority.create('stranger'), id),
    ],
    ['a certificate of this CA that was never handed out', (id) => agentIdentity(server.ca, id)],
    ['the certificate of another machine', async () => (await enrolled()).identity],
    ['a certificate with which the server calls agents', serverIdentity],
  ];

  async function serverIdentity(): Promise<AgentIdentity> {
    const keyPem = generatePrivateKey();
    return { keyPem, certificatePem: await server.ca.issueServer(keyPem) };
  }

  it.each(strangers)('is not who presents %s', async (_, identityOf) => {
    const machine = await enrolled();
    const stranger = await server.agentAt(machine.id, await identityOf(machine.id));
    await expectNotTaken(machine);
    expect(stranger.calls).toEqual([]);
    stranger.close();
    // The same port, the same edge: only the certificate differs.
    await server.agentAt(machine.id, machine.identity);
    await server.untilAgentIs(machine.id, 'up');
  });

  it('is not who presents a certificate that has expired', async () => {
    const machine = await enrolled();
    const past = {
      notBefore: new Date(Date.now() - 2 * DAY_MS),
      notAfter: new Date(Date.now() - DAY_MS),
    };
    const expired = await agentIdentity(server.ca, machine.id, past);
    await allow(machine.id, expired);
    const agent = await server.agentAt(machine.id, expired);
    await expect(server.askAnew(machine.target)).rejects.toThrow(/expired/);
    expect(agent.calls).toEqual([]);
    // It is the date alone: one that was handed out in the same way and is valid is taken.
    const valid = await agentIdentity(server.ca, machine.id);
    await allow(machine.id, valid);
    agent.present(valid);
    await expect(server.askAnew(machine.target)).resolves.toBeDefined();
  });

  it('is not who presents a certificate for another name, even if it was handed out to it', async () => {
    const machine = await enrolled();
    const misnamed = await agentIdentity(server.ca, '0193a000-0000-7000-8000-000000000001');
    await allow(machine.id, misnamed);
    const agent = await server.agentAt(machine.id, misnamed);
    await expect(server.askAnew(machine.target)).rejects.toThrow(/altnames/);
    expect(agent.calls).toEqual([]);
  });

  it('is not who presents a certificate that was revoked', async () => {
    const { id, join } = await server.createMachine(`machine-${++machines}`);
    const first = await server.enrol(join.token);
    const second = await server.enrol(join.token, { keyPem: first.keyPem });
    const { keyPem } = first;
    const agent = await server.agentAt(id, { keyPem, certificatePem: second.body.certificatePem });
    await server.untilAgentIs(id, 'up');
    await until('the first certificate is revoked', async () => {
      const states = (await certificates(id)).map(({ sha256, state }) => [sha256, state]);
      const by = Object.fromEntries(states) as Record<string, string>;
      return (
        by[certificateSha256(first.body.certificatePem)] === 'revoked' &&
        by[certificateSha256(second.body.certificatePem)] === 'active'
      );
    });
    agent.present({ keyPem, certificatePem: first.body.certificatePem });
    agent.disconnect();
    await server.untilAgentIs(id, 'unknown');
    await expect(agents().getStatus({ id, agentAddr: agent.address })).rejects.toThrow(/revoked/);
  });

  const otherPrograms: [string, (socket: Socket) => void][] = [
    ['answers with garbage', (socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n')],
    ['accepts and says nothing', () => {}],
    ['closes at once', (socket) => socket.destroy()],
    ['speaks HTTP', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')],
  ];

  it.each(otherPrograms)('is not another program on its port that %s', async (_, greet) => {
    const machine = await enrolled();
    const program = await listen(Number(machine.target.agentAddr.split(':')[1]), greet);
    await expectNotTaken(machine);
    // Ends once no connection is left: what came to nothing is not waited for without end.
    await new Promise((resolve) => program.close(resolve));
    await server.agentAt(machine.id, machine.identity);
    await server.untilAgentIs(machine.id, 'up');
  });

  it('is not the agent of another machine to which its port was moved', async () => {
    const [here, there] = [
      await server.joinedMachine(`machine-${++machines}`),
      await server.joinedMachine(`machine-${++machines}`),
    ];
    const streamsBefore = here.agent.calls.filter((call) => call === 'watchStatus').length;
    expect(here.agent.watchers).toBe(1);
    await swapPorts(here.id, there.id);
    await server.get(Reconciler).settled();
    // The channel was dropped: nobody listens any more to the agent at the former address.
    await until('both streams ended', () => here.agent.watchers + there.agent.watchers === 0);
    for (const { id } of [here, there]) {
      await server.untilAgentIs(id, 'unknown');
      const agentAddr = `127.0.0.1:${await server.agentPort(id)}`;
      await expect(agents().getStatus({ id, agentAddr })).rejects.toThrow(AgentUnreachableError);
    }
    // What each says at the other's address counts for nobody; at its own it is welcome again.
    expect(here.agent.calls.filter((call) => call === 'watchStatus')).toHaveLength(streamsBefore);
    for (const { agent } of [here, there]) agent.close();
    for (const { id, identity } of [here, there]) await server.agentAt(id, identity);
    for (const { id } of [here, there]) await server.untilAgentIs(id, 'up');
  });

  it('is nobody once the machine is removed', async () => {
    const { id, agent } = await server.joinedMachine(`machine-${++machines}`);
    await server.api('DELETE', `/machines/${id}`);
    await until('the stream ended', () => agent.watchers === 0);
    await expect(agents().getStatus({ id, agentAddr: agent.address })).rejects.toThrow(/revoked/);
  });

  it('knows the edge by its certificate: another caller gets no call through', async () => {
    const { id, agent } = await server.joinedMachine(`machine-${++machines}`);
    const stranger = await CertificateAuthority.create('stranger');
    const foreign = await FakeAgent.listen({
      machineId: id,
      caPem: stranger.certificatePem,
      identity: await agentIdentity(server.ca, id),
    });
    await expect(agents().getStatus({ id, agentAddr: foreign.address })).rejects.toThrow(
      AgentUnreachableError,
    );
    expect(foreign.calls).toEqual([]);
    foreign.close();
    await expect(agents().getStatus({ id, agentAddr: agent.address })).resolves.toBeDefined();
  });

  /** As if the edge had handed it out, whatever it is. */
  async function allow(machineId: string, { certificatePem }: AgentIdentity): Promise<void> {
    await server.get(AgentCertificates).issued(server.database.manager, machineId, {
      certificatePem,
      origin: 'enrolment',
    });
  }

  async function swapPorts(a: string, b: string): Promise<void> {
    await server.database.transaction(async (tx) => {
      const swap = (table: string, key: string, column: string) =>
        tx.query(
          `UPDATE ${table} SET ${column} = other.${column} FROM ${table} other
           WHERE ${table}.${key} = ANY ($1) AND other.${key} = ANY ($1)
             AND other.${key} <> ${table}.${key}`,
          [[a, b]],
        );
      await swap('back_channel', 'machine_id', 'port');
      await swap('machine', 'id', 'agent_addr');
      await tx.query(
        `UPDATE port_lease SET machine_id = CASE WHEN machine_id = $1 THEN $2::uuid ELSE $1::uuid END
         WHERE machine_id IN ($1, $2) AND purpose = 'back-channel'`,
        [a, b],
      );
    });
  }
});

async function listen(port: number, greet: (socket: Socket) => void): Promise<Server> {
  const program = createServer((socket) => {
    socket.on('error', () => {}).resume();
    greet(socket);
  });
  program.listen(port, '127.0.0.1');
  await once(program, 'listening');
  return program;
}
