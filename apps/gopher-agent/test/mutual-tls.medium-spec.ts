import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createPublicKey, randomUUID, webcrypto } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import {
  CertificateAuthority,
  createCertificateRequest,
  generatePrivateKey,
} from '@gopher/identity';
import { HealthCaller } from './health-caller.js';
import { TestMachine } from './agent-process.js';
import { AgentCaller, type CallerOptions } from './agent-caller.js';

/** Real TLS against a real agent, on its own port. */
describe('who may call an agent', () => {
  let machine: TestMachine;
  const keyPem = generatePrivateKey();

  beforeAll(async () => {
    machine = await TestMachine.running();
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  it('answers gopher-server', async () => {
    const answered = await call({});
    expect(answered).toMatchObject({ machineId: machine.edge.machineId, protocolVersion: 1 });
    expect(await health({})).toEqual({ status: 1 });
  });

  it('refuses the certificate of another CA', async () => {
    const other = await CertificateAuthority.create('other');
    const certificatePem = await other.issueServer(keyPem);
    await expectRefusedByTls({ keyPem, certificatePem });
  });

  it('refuses a caller without a certificate', async () => {
    await expectRefusedByTls({ keyPem: null });
  });

  it("refuses an expired certificate of the server's", async () => {
    const validity = {
      notBefore: new Date(Date.now() - 9_000),
      notAfter: new Date(Date.now() - 1),
    };
    const certificatePem = await machine.edge.ca.issueServer(keyPem, validity);
    await expectRefusedByTls({ keyPem, certificatePem });
  });

  it("refuses an agent's certificate, its own machine's too", async () => {
    const csr = await createCertificateRequest(keyPem);
    for (const id of [machine.edge.machineId, randomUUID()]) {
      const certificatePem = await machine.edge.ca.issueMachine(csr, id);
      await expectRefusedByTls({ keyPem, certificatePem });
    }
  });

  it("refuses every call of a client certificate that does not bear the server's name", async () => {
    const certificatePem = await clientCertificate('someone.gopher.internal');
    const refused = { code: status.PERMISSION_DENIED };
    await expect(call({ keyPem, certificatePem })).rejects.toMatchObject(refused);
    await expect(health({ keyPem, certificatePem })).rejects.toMatchObject(refused);
    const stream = open({ keyPem, certificatePem }).watch();
    await expect(stream.until('never', () => true)).rejects.toMatchObject(refused);
  });

  it('is not taken for another machine', async () => {
    await expectRefusedByTls({ machineId: randomUUID() });
  });

  it('listens on loopback only', () => {
    for (const port of Object.values(machine.ports)) {
      const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
      const own = machine.listening().filter((address) => address.endsWith(`:${hexPort}`));
      expect(own).toEqual([`0100007F:${hexPort}`]);
    }
  });

  function open(options: Omit<CallerOptions, 'port'>): AgentCaller {
    const caller = new AgentCaller(machine.edge, { ...options, port: machine.ports.agent });
    onTestFinished(() => caller.close());
    return caller;
  }

  const call = (options: Omit<CallerOptions, 'port'>) => open(options).status();

  const health = (options: Omit<CallerOptions, 'port'>) =>
    new HealthCaller(machine.edge, { ...options, port: machine.ports.agent }).check();

  /** The connection is never made: the call ends as unavailable, and no handler ever ran. */
  async function expectRefusedByTls(options: Omit<CallerOptions, 'port'>): Promise<void> {
    await expect(call(options)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  }

  /** Good for a client and from the right CA: all but the name. */
  async function clientCertificate(name: string): Promise<string> {
    const { ca } = machine.edge;
    const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
    const validity = {
      notBefore: new Date(Date.now() - 9_000),
      notAfter: new Date(Date.now() + 9e5),
    };
    return ca['sign'](publicKey, name, x509.ExtendedKeyUsage.clientAuth, validity);
  }
});
