import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { certificateSha256, createCertificateRequest, generatePrivateKey } from '@gopher/identity';
import type { CreateCertificateRequestResponse } from '@gopher/proto';
import { TestMachine } from './agent-process.js';
import type { AgentCaller } from './agent-caller.js';

describe('renewal of the certificate', () => {
  let machine: TestMachine;
  let caller: AgentCaller;

  beforeAll(async () => {
    machine = await TestMachine.running();
    caller = machine.caller(machine.ports.agent);
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  it('serves the new one to new connections and leaves an open stream alone', async () => {
    const stream = caller.watch(1_000);
    await stream.until('the first', () => true);
    const before = await presented();
    const certificatePem = await request();
    await caller.call('installCertificate', { certificatePem, confirmWithinSeconds: 60 });
    expect(await presented()).toBe(certificateSha256(certificatePem));
    expect(await presented()).not.toBe(before);
    await stream.until('two more heartbeats', () => true, stream.seen.length + 1);
    expect(stream.error).toBeNull();
    stream.cancel();
  });

  it('keeps what is confirmed over a restart, and not what is not', async () => {
    const confirmed = await request();
    const sha256 = certificateSha256(confirmed);
    await caller.call('installCertificate', {
      certificatePem: confirmed,
      confirmWithinSeconds: 60,
    });
    const wrong = caller.call('confirmCertificate', { sha256: 'a'.repeat(64) });
    await expect(wrong).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    await caller.call('confirmCertificate', { sha256 });
    const unconfirmed = await request();
    await caller.call('installCertificate', {
      certificatePem: unconfirmed,
      confirmWithinSeconds: 60,
    });
    expect(await presented()).toBe(certificateSha256(unconfirmed));
    await machine.kill('SIGKILL');
    await machine.run();
    expect(await presented()).toBe(sha256);
  });

  it('goes back by itself when nobody confirms', async () => {
    const before = await presented();
    const certificatePem = await request();
    await caller.call('installCertificate', { certificatePem, confirmWithinSeconds: 1 });
    expect(await presented()).toBe(certificateSha256(certificatePem));
    await vi.waitFor(async () => expect(await presented()).toBe(before), { timeout: 5_000 });
    const late = caller.call('confirmCertificate', { sha256: certificateSha256(certificatePem) });
    await expect(late).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });

  it('refuses a certificate that is not for its key, its name or its CA', async () => {
    const before = await presented();
    const { csrPem } = await caller.call<CreateCertificateRequestResponse>(
      'createCertificateRequest',
      {},
    );
    const foreignKey = await createCertificateRequest(generatePrivateKey());
    const { ca, machineId } = machine.edge;
    const other = await machine.edge.otherCa();
    const bad = [
      await ca.issueMachine(foreignKey, machineId),
      await ca.issueMachine(csrPem, '0193a000-0000-7000-8000-000000000009'),
      await other.issueMachine(csrPem, machineId),
      'nonsense',
    ];
    for (const certificatePem of bad) {
      const install = { certificatePem, confirmWithinSeconds: 60 };
      await expect(caller.call('installCertificate', install)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
    }
    expect(await presented()).toBe(before);
  });

  async function request(): Promise<string> {
    const { csrPem } = await caller.call<CreateCertificateRequestResponse>(
      'createCertificateRequest',
      {},
    );
    return machine.edge.ca.issueMachine(csrPem, machine.edge.machineId);
  }

  /** SHA-256 of the certificate that a new connection is shown. */
  async function presented(): Promise<string> {
    const socket = connect({
      host: '127.0.0.1',
      port: machine.ports.agent,
      ca: machine.edge.ca.certificatePem,
      key: machine.edge.serverKeyPem,
      cert: machine.edge.serverCertificatePem,
      checkServerIdentity: () => undefined,
      ALPNProtocols: ['h2'],
    });
    await once(socket, 'secureConnect');
    const { raw } = socket.getPeerCertificate();
    socket.on('error', () => {}).destroy();
    return certificateSha256(new X509Certificate(raw).toString());
  }
});
