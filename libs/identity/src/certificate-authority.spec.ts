import { X509Certificate } from 'node:crypto';
import { createServer, connect, type TLSSocket, type ConnectionOptions } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  CertificateAuthority,
  createCertificateRequest,
  dnsNames,
  generatePrivateKey,
  InvalidCertificateRequestError,
  machineName,
  renewalDueAt,
  SERVER_NAME,
} from './index.js';

const MACHINE_ID = '0193a000-0000-7000-8000-000000000001';

interface Credentials {
  key: string;
  cert: string;
}

describe(CertificateAuthority.name, () => {
  let ca: CertificateAuthority;
  let agent: Credentials;
  let server: Credentials;

  beforeAll(async () => {
    ca = await CertificateAuthority.create('test');
    const agentKey = generatePrivateKey();
    const csr = await createCertificateRequest(agentKey);
    agent = { key: agentKey, cert: await ca.issueMachine(csr, MACHINE_ID) };
    const serverKey = generatePrivateKey();
    server = { key: serverKey, cert: await ca.issueServer(serverKey) };
  });

  it('lets server and agent know each other', async () => {
    const { peer, names } = await handshake(agent, server);
    expect(peer).toBe('');
    expect(names).toEqual([SERVER_NAME]);
  });

  it('refuses an agent certificate where a server certificate is due', async () => {
    await expect(handshake(agent, agent)).rejects.toThrow();
  });

  it('refuses a server certificate where an agent certificate is due', async () => {
    await expect(handshake(server, server)).rejects.toThrow(/purpose/);
  });

  it('refuses the certificate of another machine', async () => {
    const key = generatePrivateKey();
    const csr = await createCertificateRequest(key);
    const cert = await ca.issueMachine(csr, '0193a000-0000-7000-8000-000000000002');
    await expect(handshake({ key, cert }, server)).rejects.toThrow(/altnames/);
  });

  it('refuses a certificate of another CA, and an expired one', async () => {
    const other = await CertificateAuthority.create('other');
    const csr = await createCertificateRequest(agent.key);
    const foreign = await other.issueMachine(csr, MACHINE_ID);
    await expect(handshake({ ...agent, cert: foreign }, server)).rejects.toThrow();
    const past = { notBefore: new Date(Date.now() - 2000), notAfter: new Date(Date.now() - 1000) };
    const expired = await ca.issueMachine(csr, MACHINE_ID, past);
    await expect(handshake({ ...agent, cert: expired }, server)).rejects.toThrow(/expired/);
  });

  it('signs only what proves that it holds its key', async () => {
    const csr = await createCertificateRequest(agent.key);
    const body = csr.replace(/-----.*-----/g, '').replaceAll('\n', '');
    const der = Buffer.from(body, 'base64');
    const last = der.length - 1;
    der[last] = (der[last] ?? 0) ^ 1;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
    await expect(ca.issueMachine(forged, MACHINE_ID)).rejects.toThrow(
      InvalidCertificateRequestError,
    );
    await expect(ca.issueMachine('nonsense', MACHINE_ID)).rejects.toThrow(
      InvalidCertificateRequestError,
    );
  });

  it('loads again from what it was saved as', async () => {
    const again = CertificateAuthority.load(ca.certificatePem, ca.privateKeyPem);
    const cert = await again.issueServer(server.key);
    expect(new X509Certificate(cert).verify(new X509Certificate(ca.certificatePem).publicKey)).toBe(
      true,
    );
    expect(again.fingerprint).toBe(ca.fingerprint);
  });

  it('is due for renewal after two thirds of its life', () => {
    const { validFromDate, validToDate } = new X509Certificate(agent.cert);
    const life = validToDate.getTime() - validFromDate.getTime();
    const due = renewalDueAt(agent.cert).getTime() - validFromDate.getTime();
    expect(due / life).toBeCloseTo(2 / 3, 6);
  });

  /** The agent listens, the server dials: as over the back-channel. */
  async function handshake(listener: Credentials, dialler: Credentials) {
    const listening = createServer({
      ...listener,
      ca: ca.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    listening.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const accepted = new Promise<TLSSocket>((resolve, reject) => {
      listening.once('secureConnection', resolve).once('tlsClientError', reject);
    });
    const options: ConnectionOptions = {
      ...dialler,
      ca: ca.certificatePem,
      host: '127.0.0.1',
      port: (listening.address() as AddressInfo).port,
      servername: machineName(MACHINE_ID),
    };
    const dialled = connect(options);
    try {
      const [socket] = await Promise.all([accepted, once(dialled, 'secureConnect')]);
      const names = dnsNames(socket.getPeerCertificate().subjectaltname);
      socket.destroy();
      return { peer: dialled.authorizationError?.message ?? '', names };
    } finally {
      dialled.on('error', () => {}).destroy();
      listening.close();
    }
  }
});
