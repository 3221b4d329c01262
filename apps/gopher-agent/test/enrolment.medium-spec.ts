import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { CertificateAuthority, generatePrivateKey } from '@gopher/identity';
import type { EnrolmentResponse } from '@gopher/proto';
import { TestMachine } from './agent-process.js';
import { freePort } from '../../../test/product/free-port.js';

/** The real command against an edge of our own, over real HTTP and HTTPS. */
describe('gopher-agent enroll', () => {
  let machine: TestMachine;

  beforeEach(async () => {
    machine = await TestMachine.open();
  });
  afterEach(() => machine[Symbol.asyncDispose]());

  it('joins, says what comes next, and keeps its key to itself', async () => {
    const { code, out, err } = await machine.enroll();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('enrolled as "box"');
    expect(out).toContain('gopher-agent run');
    expect((await stat(machine.file('enrolment.json'))).mode & 0o777).toBe(0o600);
    const [request] = machine.edge.requests;
    expect(request).toMatchObject({
      agentPort: machine.ports.agent,
      checkPort: machine.ports.check,
    });
    expect(JSON.stringify(request)).not.toContain('PRIVATE');
  });

  it('prints JSON for programs', async () => {
    const { out } = await machine.enroll('--json');
    expect(JSON.parse(out)).toMatchObject({
      machineId: machine.edge.machineId,
      machineName: 'box',
    });
  });

  it('takes a fingerprint with colons and capitals', async () => {
    const colons = machine.edge.ca.fingerprint.toUpperCase().match(/../g)!.join(':');
    expect(await enrollWith({ '--ca-fingerprint': colons })).toMatchObject({ code: 0 });
  });

  it('keeps nothing when the CA is not the pinned one', async () => {
    const other = await machine.edge.otherCa();
    await expectRefused((body) => ({ ...body, caPem: other.certificatePem }), 'not the edge that');
  });

  it('keeps nothing of an answer that is not for this machine and this key', async () => {
    const { ca, machineId } = machine.edge;
    const { createCertificateRequest } = await import('@gopher/identity');
    const csr = await createCertificateRequest(generatePrivateKey());
    const foreign = await ca.issueMachine(csr, machineId);
    await expectRefused((body) => ({ ...body, certificatePem: foreign }), 'not for the key');
    const id = '0193a000-0000-7000-8000-000000000009';
    await expectRefused((body) => ({ ...body, machineId: id }), 'bears the name');
    await expectRefused((body) => ({ ...body, controlToml: '[client]' }), 'can not be used');
    const data = { ...machine.edge.dataConfig(1, 1), sha256: 'a'.repeat(64) };
    await expectRefused((body) => ({ ...body, data }), 'damaged');
    await expectRefused(() => ({}) as EnrolmentResponse, 'does not answer like a Gopher edge');
  });

  it('shows what the edge says, and obeys no control characters in it', async () => {
    const body = { title: 'Token expired', detail: 'Make a new one\u001b[31m on the dashboard.' };
    machine.edge.answer = () => ({ status: 410, body });
    const { code, err } = await machine.enroll();
    expect(code).toBe(1);
    expect(err).toBe(
      'gopher-agent: The edge refused (HTTP 410): Token expired: Make a new one [31m on the dashboard.\n',
    );
  });

  it('presents the same key again after a run that died half-way, and another with another token', async () => {
    machine.edge.answer = () => null;
    const failed = await machine.enroll();
    expect(failed.code).toBe(1);
    expect(failed.err).toContain('run the same command again');
    expect(existsSync(machine.file('enrolment.json'))).toBe(false);
    machine.edge.answer = (body) => ({ status: 201, body });
    expect(await machine.enroll()).toMatchObject({ code: 0 });
    expect(await machine.enroll()).toMatchObject({ code: 0 });
    expect(await enrollWith({ '--token': 'another' })).toMatchObject({ code: 0 });
    const [first, second, third, fourth] = machine.edge.presentedKeys;
    expect([second, third]).toEqual([first, first]);
    expect(fourth).not.toBe(first);
  });

  it('leaves a machine that is enrolled as it was when another enrolment fails', async () => {
    await machine.enroll();
    const before = await readFile(machine.file('enrolment.json'), 'utf8');
    const other = await machine.edge.otherCa();
    machine.edge.answer = (body) => ({
      status: 201,
      body: { ...body, caPem: other.certificatePem },
    });
    expect(await enrollWith({ '--token': 'another' })).toMatchObject({ code: 1 });
    expect(await readFile(machine.file('enrolment.json'), 'utf8')).toBe(before);
  });

  it('refuses plain HTTP to anywhere but this machine', async () => {
    const result = await enrollWith({ '--server': 'http://edge.example.com' });
    expect(result.code).toBe(2);
    expect(result.err).toContain('Use https://');
    expect(machine.edge.requests).toHaveLength(0);
  });

  it('trusts an HTTPS edge with its own CA by the fingerprint, and no other', async () => {
    const { url, close, ca } = await httpsEdge();
    try {
      const wrong = await enrollWith({ '--server': url });
      expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('not the edge that') });
      expect(machine.edge.requests).toHaveLength(0);
      machine.edge.answer = (body) => ({
        status: 201,
        body: { ...body, caPem: ca.certificatePem },
      });
      const right = await enrollWith({ '--server': url, '--ca-fingerprint': ca.fingerprint });
      // The token was sent now; what comes back is of the other CA, and is found out.
      expect(right.err).toContain("was not issued by the edge's CA");
      expect(machine.edge.requests).toHaveLength(1);
    } finally {
      close();
    }
  });

  it('says what is wrong with its arguments and settings, without a stack', async () => {
    const cases: [Promise<{ code: number | null; err: string }>, RegExp][] = [
      [machine.command('enroll'), /--server/],
      [enrollWith({ '--ca-fingerprint': 'abc' }), /64 hex digits/],
      [enrollWith({ '--server': 'edge' }), /not an address/],
      [machine.commandWith({ GOPHER_AGENT_PORT: 'x' }, 'run'), /GOPHER_AGENT_PORT/],
      [machine.command('nonsense'), /unknown command/],
    ];
    for (const [result, reason] of cases) {
      const { code, err } = await result;
      expect([code, err]).toEqual([2, expect.stringMatching(reason)]);
      expect(err).not.toMatch(/^\s+at /m);
    }
    expect((await machine.command('--help')).out).toContain('GOPHER_AGENT_STATE_DIR');
    expect((await machine.command('version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('says when its state directory can not be used', async () => {
    const file = `${machine.directory}/file`;
    await writeFile(file, '');
    const env = { GOPHER_AGENT_STATE_DIR: `${file}/state` };
    const { url, ca } = machine.edge;
    const order = ['--server', url, '--token', 't', '--ca-fingerprint', ca.fingerprint];
    const { code, err } = await machine.commandWith(env, 'enroll', ...order);
    expect(code).toBe(1);
    expect(err).toContain(`Cannot use the state directory ${file}/state`);
  });

  type Change = (body: EnrolmentResponse) => EnrolmentResponse;

  async function expectRefused(change: Change, reason: string): Promise<void> {
    machine.edge.answer = (body) => ({ status: 201, body: change(body) });
    const { code, err } = await machine.enroll();
    expect([code, err]).toEqual([1, expect.stringContaining(reason)]);
    expect(existsSync(machine.file('enrolment.json'))).toBe(false);
  }

  function enrollWith(change: Record<string, string>) {
    const { url, token, ca } = machine.edge;
    const given = { '--server': url, '--token': token, '--ca-fingerprint': ca.fingerprint };
    return machine.command('enroll', ...Object.entries({ ...given, ...change }).flat());
  }

  /** In front of the edge, with a certificate of a CA that no system knows. */
  async function httpsEdge() {
    const ca = await CertificateAuthority.create('own');
    const { key, cert } = await localhostCertificate(ca);
    const server = createServer({ key, cert }, (request, response) => {
      if (request.url === '/api/v1/ca') return void response.end(ca.certificatePem);
      return void machine.edge.pass(request, response);
    });
    const port = await freePort();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return { url: `https://localhost:${port}`, ca, close: () => server.close() };
  }
});

async function localhostCertificate(ca: CertificateAuthority) {
  const x509 = await import('@peculiar/x509');
  const { createPublicKey, webcrypto } = await import('node:crypto');
  const key = generatePrivateKey();
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
  const validity = { notBefore: new Date(Date.now() - 9e3), notAfter: new Date(Date.now() + 9e5) };
  const { serverAuth } = x509.ExtendedKeyUsage;
  return { key, cert: await ca['sign'](publicKey, 'localhost', serverAuth, validity) };
}
