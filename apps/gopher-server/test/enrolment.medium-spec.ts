import type { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createCertificateRequest, generatePrivateKey } from '@gopher/identity';
import type { EnrolmentResponse } from '@gopher/proto';
import { until } from '../../../test/product/until.js';
import { AgentCertificate } from '../src/enrolment/agent-certificate.entity.js';
import { EnrolmentService } from '../src/enrolment/enrolment.service.js';
import { JoinToken } from '../src/enrolment/join-token.entity.js';
import { type Answer, type Problem, TestingServer } from './testing-server.js';

const MINUTE_MS = 60_000;

describe('an enrolment', () => {
  let server: TestingServer;
  let machines = 0;

  beforeAll(async () => {
    server = await TestingServer.start({ GOPHER_AGENT_DEADLINE_MS: '700' });
  });

  afterAll(() => server.stop());

  const created = () => server.createMachine(`machine-${++machines}`);

  /** The row of a machine's newest token. */
  const tokenRow = (machineId: string) =>
    server.database
      .getRepository(JoinToken)
      .findOneOrFail({ where: { machineId }, order: { id: 'DESC' } });

  const age = (machineId: string, column: string, ms: number) =>
    server.database.query(
      `UPDATE join_token SET "${column}" = "${column}" - make_interval(secs => $2)
       WHERE machine_id = $1`,
      [machineId, ms / 1000],
    );

  function expectRefused(answer: Answer<unknown>, code: string, words: RegExp): void {
    const { type, detail, status } = answer.body as Problem;
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect({ type, status }).toEqual({
      type: `urn:gopher:problem:${code}`,
      status: answer.status,
    });
    expect(detail).toMatch(words);
  }

  /** As before the attempt: no agent, no port, no certificate, nothing in rathole's file. */
  async function expectUntouched(machineId: string): Promise<void> {
    const machine = await server.api<{ agentAddr: null }>('GET', `/machines/${machineId}`);
    expect(machine.agentAddr).toBeNull();
    for (const table of ['agent_certificate', 'back_channel', 'port_lease']) {
      const rows: unknown[] = await server.database.query(
        `SELECT 1 FROM ${table} WHERE machine_id = $1`,
        [machineId],
      );
      expect([table, rows]).toEqual([table, []]);
    }
    expect(await server.serverToml()).not.toContain(machineId);
  }

  describe('is refused', () => {
    it('with a token that has expired', async () => {
      const { id, join } = await created();
      await age(id, 'expires_at', 61 * MINUTE_MS);
      const answer = await server.enrol(join.token);
      expect(answer.status).toBe(401);
      expectRefused(answer, 'token-expired', /join-tokens/);
      await expectUntouched(id);
      const fresh = await server.api<{ token: string }>('POST', `/machines/${id}/join-tokens`);
      expect((await server.enrol(fresh.token)).status).toBe(201);
    });

    it('with a token that is made of those of two machines', async () => {
      const [one, other] = [await created(), await created()];
      const [, secret] = other.join.token.split('.');
      const [tokenId] = one.join.token.split('.');
      const answer = await server.enrol(`${tokenId}.${secret}`);
      expectRefused(answer, 'token-unknown', /never handed out, or is damaged/);
      await expectUntouched(one.id);
      await expectUntouched(other.id);
    });

    const damages: [string, (token: string) => string][] = [
      [
        'one letter of its secret changed',
        (t) => t.slice(0, -2) + (t.at(-2) === 'A' ? 'B' : 'A') + t.at(-1),
      ],
      ['its end cut off', (t) => t.slice(0, -1)],
      ['something appended', (t) => `${t}A`],
      ['its secret left out', (t) => t.slice(0, t.indexOf('.'))],
      ['its id in upper case', (t) => t.toUpperCase()],
      ['a quote in it', (t) => `${t}' OR '1'='1`],
      ['NUL in it', (t) => `${t}\0`],
    ];

    it.each(damages)('with a token that has %s', async (_, damage) => {
      const { id, join } = await created();
      const answer = await server.enrol(damage(join.token));
      expect(answer.status).toBe(401);
      expectRefused(answer, 'token-unknown', /damaged/);
      await expectUntouched(id);
    });

    it('with a token for something else', async () => {
      const { id } = await created();
      const { token } = await server.api<{ token: string }>(
        'POST',
        `/machines/${id}/client-config-tokens`,
      );
      expectRefused(await server.enrol(token), 'token-unknown', /never handed out/);
      await expectUntouched(id);
    });

    it('once the machine is removed', async () => {
      const { id, join } = await created();
      await server.api('DELETE', `/machines/${id}`);
      expectRefused(await server.enrol(join.token), 'token-unknown', /never handed out/);
    });

    it('to a second key while the token is reserved, and allowed after ten minutes', async () => {
      const { id, join } = await created();
      const first = await server.enrol(join.token);
      expect(first.status).toBe(201);
      const refused = await server.enrol(join.token);
      expect(refused.status).toBe(401);
      expectRefused(refused, 'token-reserved', /10 minutes/);

      await age(id, 'reserved_at', 9.5 * MINUTE_MS);
      expect((await server.enrol(join.token)).status).toBe(401);
      await age(id, 'reserved_at', MINUTE_MS);
      const second = await server.enrol(join.token);
      expect(second.status).toBe(201);

      // The key that lost the token has lost what it was given for it as well.
      const { keyPem } = first;
      const late = await server.agentAt(id, { keyPem, certificatePem: first.body.certificatePem });
      await expect(server.askAnew({ id, agentAddr: late.address })).rejects.toThrow(/revoked/);
      expect(late.calls).toEqual([]);
      late.close();
      const identity = { keyPem: second.keyPem, certificatePem: second.body.certificatePem };
      await server.agentAt(id, identity);
      await server.untilAgentIs(id, 'up');
    });

    it('to anyone after the first call through the back-channel', async () => {
      const { id, join } = await created();
      const { body, keyPem } = await server.enrol(join.token);
      expect((await tokenRow(id)).consumedAt).toBeNull();
      await server.agentAt(id, { keyPem, certificatePem: body.certificatePem });
      await until('the token is used up', async () => (await tokenRow(id)).consumedAt);
      for (const again of [
        await server.enrol(join.token),
        await server.enrol(join.token, { keyPem }),
      ]) {
        expect(again.status).toBe(401);
        expectRefused(again, 'token-used', /used already/);
      }
    });
  });

  it('is won by exactly one of two keys that come at the same instant', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { id, join } = await created();
      const answers = await Promise.all([
        server.enrol<EnrolmentResponse | Problem>(join.token),
        server.enrol<EnrolmentResponse | Problem>(join.token),
      ]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 401]);
      const lost = answers.find(({ status }) => status === 401)!;
      expectRefused(lost, 'token-reserved', /reserved for another key/);
      const issued = await server.database
        .getRepository(AgentCertificate)
        .countBy({ machineId: id });
      expect(issued).toBe(1);
    }
  });

  it('that died half-way can be repeated with the same key, any number of times', async () => {
    const { id, join } = await created();
    const { keyPem, body: first } = await server.enrol(join.token);
    for (let run = 0; run < 5; run += 1) {
      const { status, body } = await server.enrol(join.token, { keyPem });
      expect(status).toBe(201);
      expect(body).toEqual({ ...first, certificatePem: body.certificatePem });
      const agent = await server.agentAt(id, { keyPem, certificatePem: first.certificatePem });
      agent.close();
    }
    // Each of those certificates is good, the first one as well.
    await server.agentAt(id, { keyPem, certificatePem: first.certificatePem });
    await server.untilAgentIs(id, 'up');
    const leases: unknown[] = await server.database.query(
      `SELECT 1 FROM port_lease WHERE machine_id = $1`,
      [id],
    );
    expect(leases).toHaveLength(2);
  });

  it('that nobody finished expires, and the machine has no agent again', async () => {
    const { id, join } = await created();
    const { keyPem } = await server.enrol(join.token);
    expect(await server.agentStatus(id)).toBe('unknown');
    const enrolments = server.get(EnrolmentService);
    const inMinutes = (minutes: number) => new Date(Date.now() + minutes * MINUTE_MS);
    await enrolments.expire(inMinutes(9));
    expect(await server.agentStatus(id)).toBe('unknown');

    await enrolments.expire(inMinutes(11));
    const machine = await server.api('GET', `/machines/${id}`);
    expect(machine).toMatchObject({ agentAddr: null, agentStatus: null });
    await until('rathole knows its back-channel no more', async () => {
      return !(await server.serverToml()).includes(id);
    });
    const states = await server.database.getRepository(AgentCertificate).findBy({ machineId: id });
    expect(states.map(({ state }) => state)).toEqual(['revoked']);
    const leases: unknown[] = await server.database.query(
      `SELECT 1 FROM port_lease WHERE machine_id = $1`,
      [id],
    );
    expect(leases).toEqual([]);

    // The token has time left, so that the run can be repeated all the same.
    const again = await server.enrol(join.token, { keyPem });
    expect(again.status).toBe(201);
    await server.agentAt(id, { keyPem, certificatePem: again.body.certificatePem });
    await server.untilAgentIs(id, 'up');
  });

  it('that nobody finished leaves the agent that a machine had before', async () => {
    const { id, agent } = await server.joinedMachine(`machine-${++machines}`);
    const { token } = await server.api<{ token: string }>('POST', `/machines/${id}/join-tokens`);
    expect((await server.enrol(token)).status).toBe(201);
    await server.get(EnrolmentService).expire(new Date(Date.now() + 11 * MINUTE_MS));
    expect(await server.agentStatus(id)).toBe('up');
    agent.disconnect();
    const calls = agent.calls.length;
    await until('it answers over a new connection', () => agent.calls.length > calls);
    const states = await server.database.getRepository(AgentCertificate).findBy({ machineId: id });
    expect(states.map(({ state }) => state).sort()).toEqual(['active', 'revoked']);
  });

  describe('asks for a certificate with a key that will do', () => {
    const requests: [string, () => Promise<string> | string, RegExp][] = [
      ['no request at all', () => 'rubbish', /PKCS #10/],
      ['a private key instead', generatePrivateKey, /PKCS #10/],
      [
        'the request of an RSA key',
        () =>
          requestOf({
            name: 'RSASSA-PKCS1-v1_5',
            hash: 'SHA-256',
            publicExponent: new Uint8Array([1, 0, 1]),
            modulusLength: 2048,
          }),
        /P-256/,
      ],
      [
        'the request of a P-384 key',
        () => requestOf({ name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }),
        /P-256/,
      ],
      ['a request with a broken signature', brokenRequest, /signature/],
      [
        'a request that ends in the middle',
        async () => cutOff(await createCertificateRequest(generatePrivateKey())),
        /PKCS #10/,
      ],
    ];

    it.each(requests)('not %s', async (_, csrPem, words) => {
      const { id, join } = await created();
      const answer = await server.enrol(join.token, { csrPem: await csrPem() });
      expect(answer.status).toBe(400);
      expectRefused(answer, 'certificate-request-invalid', words);
      expect((answer.body as unknown as Problem).detail).toMatch(/^csrPem: /);
      expect((await tokenRow(id)).reservedKey).toBeNull();
      await expectUntouched(id);
    });
  });

  it('says which fields of its body are wrong, and reserves nothing', async () => {
    const { id, join } = await created();
    const bad: [object, RegExp][] = [
      [{ agentPort: 0 }, /agentPort: /],
      [{ checkPort: 65_536 }, /checkPort: /],
      [{ protocolVersion: '1' }, /protocolVersion: /],
      [{ hostname: '' }, /hostname: /],
      [{ hostname: 'h'.repeat(256) }, /hostname: /],
      [{ csrPem: 'x'.repeat(5_000) }, /csrPem: /],
      [{ token: undefined }, /token: /],
      [{ machineId: id }, /body: Unrecognized key: "machineId"/],
    ];
    for (const [changes, words] of bad) {
      const answer = await server.enrol(join.token, changes);
      expect(answer.status).toBe(400);
      expectRefused(answer, 'invalid-request', words);
    }
    expect((await tokenRow(id)).reservedKey).toBeNull();
    await expectUntouched(id);
  });
});

type KeyAlgorithm = webcrypto.RsaHashedKeyGenParams | (webcrypto.EcKeyGenParams & { hash: string });

async function requestOf(algorithm: KeyAlgorithm) {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=gopher-agent',
    keys,
    signingAlgorithm: algorithm,
  });
  return request.toString('pem');
}

async function brokenRequest(): Promise<string> {
  const pem = await createCertificateRequest(generatePrivateKey());
  const der = Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ''), 'base64');
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
}

function cutOff(pem: string): string {
  const body = pem.replaceAll(/-----.*-----|\n/g, '').slice(0, 100);
  return `-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----`;
}
