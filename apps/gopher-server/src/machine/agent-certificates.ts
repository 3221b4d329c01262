import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, In, Not, Repository } from 'typeorm';
import { X509Certificate } from 'node:crypto';
import { certificateSha256, publicKeySha256 } from '@gopher/identity';
import { EdgeId, Machine } from '@gopher/machine';
import { AgentCertificate, type CertificateState } from '../enrolment/agent-certificate.entity.js';

/**
 * Which certificates an agent may answer with. In memory, for a TLS handshake waits for no
 * database; the chain alone would let in a certificate that was revoked.
 */
@Injectable()
export class AgentCertificates {
  private readonly states = new Map<string, Map<string, CertificateState>>();

  constructor(
    @InjectRepository(AgentCertificate) private readonly certificates: Repository<AgentCertificate>,
    private readonly edge: EdgeId,
  ) {}

  async load(): Promise<void> {
    const known = await this.certificates
      .createQueryBuilder('c')
      .innerJoin(Machine, 'm', 'm.id = c.machine_id AND m.edge_id = :edge', {
        edge: this.edge.value,
      })
      .getMany();
    this.states.clear();
    for (const { machineId, sha256, state } of known) this.remember(machineId, sha256, state);
  }

  /** null: this machine never had it. */
  state(machineId: string, sha256: string): CertificateState | null {
    return this.states.get(machineId)?.get(sha256) ?? null;
  }

  allows(machineId: string, sha256: string): boolean {
    const state = this.state(machineId, sha256);
    return state === 'issued' || state === 'active';
  }

  async issued(tx: EntityManager, machineId: string, certificatePem: string): Promise<void> {
    const certificate = new X509Certificate(certificatePem);
    const sha256 = certificateSha256(certificatePem);
    await tx.insert(AgentCertificate, {
      sha256,
      machineId,
      publicKeySha256: publicKeySha256(certificatePem),
      notBefore: certificate.validFromDate,
      notAfter: certificate.validToDate,
    });
    this.remember(machineId, sha256, 'issued');
  }

  /** From here on this one counts for its machine, and no other. */
  async activate(tx: EntityManager, machineId: string, sha256: string): Promise<void> {
    await tx.update(AgentCertificate, { machineId, sha256: Not(sha256) }, { state: 'revoked' });
    await tx.update(AgentCertificate, { machineId, sha256 }, { state: 'active' });
    const known = this.states.get(machineId) ?? new Map<string, CertificateState>();
    for (const other of known.keys()) known.set(other, 'revoked');
    this.remember(machineId, sha256, 'active');
  }

  /** Those that no agent answered with. */
  async revokeUnused(tx: EntityManager, machineIds: readonly string[]): Promise<void> {
    await tx.update(
      AgentCertificate,
      { machineId: In([...machineIds]), state: 'issued' },
      { state: 'revoked' },
    );
    for (const machineId of machineIds) {
      const known = this.states.get(machineId);
      for (const [sha256, state] of known ?? []) {
        if (state === 'issued') known?.set(sha256, 'revoked');
      }
    }
  }

  forget(machineId: string): void {
    this.states.delete(machineId);
  }

  private remember(machineId: string, sha256: string, state: CertificateState): void {
    const known = this.states.get(machineId) ?? new Map<string, CertificateState>();
    this.states.set(machineId, known.set(sha256, state));
  }
}
