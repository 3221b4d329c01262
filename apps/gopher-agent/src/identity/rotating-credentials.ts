import { experimental, type ServerCredentials } from '@grpc/grpc-js';
import type { Credentials } from './enrolment-record.js';

type Provider = Parameters<typeof experimental.createCertificateProviderServerCredentials>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];
type CaListener = Parameters<Provider['addCaCertificateListener']>[0];

/** What the agent presents to new connections; a change leaves the existing ones alone. */
export class RotatingCredentials implements Provider {
  private readonly identityListeners = new Set<IdentityListener>();

  constructor(
    private readonly caPem: string,
    private current: Credentials,
  ) {}

  /** grpc-js names the two parameters the wrong way round: the first is the identity. */
  forServer(): ServerCredentials {
    return experimental.createCertificateProviderServerCredentials(this, this, true);
  }

  get presented(): Credentials {
    return this.current;
  }

  present(credentials: Credentials): void {
    this.current = credentials;
    for (const listener of this.identityListeners) listener(this.update());
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.identityListeners.add(listener);
    // Not at once: grpc-js begins to watch for updates only after this call.
    process.nextTick(() => listener(this.update()));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.identityListeners.delete(listener);
  }

  addCaCertificateListener(listener: CaListener): void {
    process.nextTick(() => listener({ caCertificate: Buffer.from(this.caPem) }));
  }

  removeCaCertificateListener(_listener: CaListener): void {
    // The CA of an edge does not change while the agent runs: there is nobody to keep.
  }

  private update() {
    return {
      certificate: Buffer.from(this.current.certificatePem),
      privateKey: Buffer.from(this.current.keyPem),
    };
  }
}
