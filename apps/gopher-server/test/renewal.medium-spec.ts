import { status } from '@grpc/grpc-js';
import { AgentUnreachableError } from '@gopher/machine';
import type { FakeAgent } from '../../../test/product/fake-agent.js';
import { until } from '../../../test/product/until.js';
import { AgentCertificate } from '../src/enrolment/agent-certificate.entity.js';
import { EnrolmentService } from '../src/enrolment/enrolment.service.js';
import { CertificateRenewal } from '../src/machine/certificate-renewal.js';
import { GrpcAgentClient } from '../src/machine/grpc-agent-client.js';
import { TestingServer } from './testing-server.js';

const HOUR_MS = 3_600_000;

describe(CertificateRenewal.name, () => {
  let server: TestingServer;
  let machines = 0;

  beforeAll(async () => {
    server = await TestingServer.start({ GOPHER_AGENT_DEADLINE_MS: '700' });
  });

  afterAll(() => server.stop());

  async function joined() {
    const machine = await server.joinedMachine(`machine-${++machines}`);
    await until('it is enrolled', async () => (await states(machine.id)).includes('active'));
    const target = { id: machine.id, agentAddr: machine.agent.address };
    return { ...machine, target, before: machine.agent.presented };
  }

  const renew = (target: { id: string; agentAddr: string }) =>
    server.get(CertificateRenewal).renew(target);

  async function certificates(machineId: string): Promise<Map<string, string>> {
    const all = await server.database.getRepository(AgentCertificate).findBy({ machineId });
    return new Map(all.map(({ sha256, state }) => [sha256, state]));
  }

  const states = async (machineId: string) => [...(await certificates(machineId)).values()];

  const untilActive = (machineId: string, sha256: string) =>
    until('the new certificate counts', async () => {
      return (await certificates(machineId)).get(sha256) === 'active';
    });

  const streams = (agent: FakeAgent) => agent.calls.filter((call) => call === 'watchStatus').length;

  it('replaces a certificate and drops no stream that is open', async () => {
    const { id, agent, target, before, identity } = await joined();
    await until('its status is watched', () => agent.watchers === 1);
    await renew(target);

    expect(agent.presented).not.toBe(before);
    expect(await certificates(id)).toEqual(
      new Map([
        [before, 'revoked'],
        [agent.presented, 'active'],
      ]),
    );
    expect([agent.watchers, streams(agent)]).toEqual([1, 1]);
    agent.tell({ agentVersion: '9.9.9' });
    await until('a change arrives over the old stream', async () => {
      const status = await server.api<{ agent: { version: string } }>(
        'GET',
        `/machines/${id}/status`,
      );
      return status.agent.version === '9.9.9';
    });
    expect(streams(agent)).toBe(1);
    expect(await server.askAnew(target)).toBe(agent.presented);

    // The former one opens nothing any more.
    agent.present(identity);
    await expect(server.askAnew(target)).rejects.toThrow(/revoked/);
  });

  it('renews when two thirds of the time are over, and not before', async () => {
    const { id, agent, before } = await joined();
    const renewal = server.get(CertificateRenewal);
    const validSince = (days: number) =>
      server.database.query(
        `UPDATE agent_certificate SET not_before = now() - make_interval(days => $2),
           not_after = now() - make_interval(days => $2) + interval '90 days' WHERE machine_id = $1`,
        [id, days],
      );
    await validSince(59);
    await renewal.run();
    expect(agent.presented).toBe(before);
    await validSince(61);
    await renewal.run();
    expect(agent.presented).not.toBe(before);
    expect((await certificates(id)).get(agent.presented)).toBe('active');
  });

  it('goes on to the next machine when one does not answer', async () => {
    const [away, present] = [await joined(), await joined()];
    away.agent.close();
    await server.database.query(
      `UPDATE agent_certificate SET not_before = now() - interval '80 days',
         not_after = now() + interval '10 days' WHERE machine_id = ANY ($1)`,
      [[away.id, present.id]],
    );
    await server.get(CertificateRenewal).run();
    expect((await certificates(present.id)).get(present.agent.presented)).toBe('active');
    expect(present.agent.presented).not.toBe(present.before);
    expect((await certificates(away.id)).get(away.before)).toBe('active');
  });

  it('leaves the old certificate working when the confirmation does not arrive', async () => {
    const { id, agent, target, before } = await joined();
    agent.hanging.add('confirmCertificate');
    await expect(renew(target)).rejects.toThrow(AgentUnreachableError);
    expect((await certificates(id)).get(before)).toBe('active');
    agent.goBack();
    expect(await server.askAnew(target)).toBe(before);
  });

  it('does not take a certificate for kept because the agent shows it for a while', async () => {
    const { id, agent, target, before } = await joined();
    agent.hanging.add('confirmCertificate');
    await expect(renew(target)).rejects.toThrow(AgentUnreachableError);
    // The connection breaks just now, and the next one sees the new certificate.
    const seen = streams(agent);
    agent.disconnect();
    await until('the agent is watched again', () => {
      if (streams(agent) > seen && agent.watchers > 0) return true;
      throw new Error(`${streams(agent)} streams after ${seen}, ${agent.watchers} open`);
    });
    await until(
      'the edge tried to have it confirmed',
      () => agent.calls.filter((call) => call === 'confirmCertificate').length > 1,
    );
    expect((await certificates(id)).get(before)).toBe('active');
    agent.goBack();
    agent.disconnect();
    await until('the old one is shown to the edge again', () => {
      return server.get(GrpcAgentClient).presentedCertificate(id) === before;
    });
    await expect(server.askAnew(target)).resolves.toBe(before);
  });

  it('finds out that the agent kept the new one when only the answer was lost', async () => {
    const { id, agent, target, before } = await joined();
    agent.failing.set('confirmCertificate', { code: status.UNAVAILABLE, details: 'lost' });
    await expect(renew(target)).rejects.toThrow(AgentUnreachableError);
    const kept = agent.presented;
    expect(await certificates(id)).toEqual(
      new Map([
        [before, 'active'],
        [kept, 'issued'],
      ]),
    );
    agent.failing.clear();
    // A machine that is away for long must not be locked out by it.
    await server.get(EnrolmentService).expire(new Date(Date.now() + HOUR_MS));
    expect(await server.askAnew(target)).toBe(kept);
    agent.disconnect();
    await untilActive(id, kept);
    expect((await certificates(id)).get(before)).toBe('revoked');
    await server.untilAgentIs(id, 'up');
  });

  it('is finished after a restart of the server', async () => {
    const { id, agent, target } = await joined();
    agent.failing.set('confirmCertificate', { code: status.UNAVAILABLE, details: 'lost' });
    await expect(renew(target)).rejects.toThrow(AgentUnreachableError);
    agent.failing.clear();
    await server.restart();
    await untilActive(id, agent.presented);
  });
});
