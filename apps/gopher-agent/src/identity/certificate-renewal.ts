import { Logger } from '@nestjs/common';
import { certificateSha256 } from '@gopher/identity/certificate';
import { z } from 'zod';
import { NothingPendingError } from '../agent.errors.js';
import { JsonFile } from '../state/json-file.js';
import type { Enrolment } from './enrolment.js';
import type { Credentials } from './enrolment-record.js';
import { checkMachineCertificate } from './machine-certificate.js';
import type { RotatingCredentials } from './rotating-credentials.js';

const MAX_CONFIRM_SECONDS = 3_600;

/** A new certificate is presented at once, but kept only after a call came in over it. */
export class CertificateRenewal {
  private readonly logger = new Logger(CertificateRenewal.name);
  private readonly keyFile: JsonFile<{ keyPem: string }>;
  private pending: Credentials | null = null;
  private fallback: NodeJS.Timeout | undefined;

  constructor(
    private readonly enrolment: Enrolment,
    private readonly credentials: RotatingCredentials,
  ) {
    const { renewalKeyFile } = enrolment.state;
    this.keyFile = new JsonFile(renewalKeyFile, z.object({ keyPem: z.string() }));
  }

  /** A key of its own for each request; the last one counts. */
  async request(): Promise<string> {
    // Loaded when needed, once in two months: it costs more memory than all the rest.
    const { createCertificateRequest, generatePrivateKey } = await import('@gopher/identity');
    const keyPem = generatePrivateKey();
    const csrPem = await createCertificateRequest(keyPem);
    await this.keyFile.write({ keyPem });
    return csrPem;
  }

  /** @throws NothingPendingError, CertificateRefusedError */
  async install(certificatePem: string, confirmWithinSeconds: number): Promise<void> {
    const key = await this.keyFile.read();
    if (!key) throw new NothingPendingError('No certificate was requested');
    const { machineId, caPem } = this.enrolment.record;
    checkMachineCertificate(certificatePem, { keyPem: key.keyPem, machineId, caPem });
    this.pending = { keyPem: key.keyPem, certificatePem };
    this.credentials.present(this.pending);
    clearTimeout(this.fallback);
    const seconds = Math.min(Math.max(confirmWithinSeconds, 1), MAX_CONFIRM_SECONDS);
    this.fallback = setTimeout(() => this.goBack(), seconds * 1_000);
  }

  /** @throws NothingPendingError, StorageError (then the old one stays the one on the disk) */
  async confirm(sha256: string): Promise<void> {
    const { pending } = this;
    if (!pending) throw this.nothingToConfirm(sha256);
    if (certificateSha256(pending.certificatePem) !== sha256) {
      throw new NothingPendingError(`${sha256} is not the certificate that was installed last`);
    }
    await this.enrolment.replaceCredentials(pending);
    clearTimeout(this.fallback);
    this.pending = null;
    await this.keyFile.remove();
    this.logger.log('The new certificate of this machine is confirmed');
  }

  close(): void {
    clearTimeout(this.fallback);
  }

  private goBack(): void {
    this.pending = null;
    this.credentials.present(this.enrolment.record.credentials);
    this.logger.warn('The new certificate was not confirmed in time: back to the one before');
  }

  private nothingToConfirm(sha256: string): NothingPendingError {
    return new NothingPendingError(
      `No installed certificate awaits a confirmation, so ${sha256} can not be confirmed; the time for it may have run out`,
    );
  }
}
