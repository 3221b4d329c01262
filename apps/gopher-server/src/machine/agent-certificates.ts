import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Not, Repository } from 'typeorm';
import { X509Certificate } from 'node:crypto';
import { certificateSha256, publicKeySha256 } from '@gopher/identity';
import { EdgeId, Machine } from '@gopher/machine';
import {
  AgentCertificate,
  type CertificateOrigin,
  type CertificateState,
} from '../enrolment/agent-certificate.entity.js';

interface Known {
  state: CertificateState;
  origin: CertificateOrigin;
}

/**
 * Which certificates an agent may answer with. In memory, for a TLS handshake waits for no
 * database; the chain alone would let in a certificate that was revoked.
 */
@Injectable()
export class AgentCertificates {
  private readonly known = new Map<string, Map<string, Known>>();

  constructor(
    @InjectRepository(AgentCertificate) private readonly certificates: Repository<AgentCertificate>,
    private readonly edge: EdgeId,
  ) {}

  async load(): Promise<void> {
    const all = await this.certificates
      .createQueryBuilder('c')
      .innerJoin(Machine, 'm', 'm.id = c.machine_id AND m.edge_id = :edge', {
        edge: this.edge.value,
      })
      .getMany();
    this.known.clear();
    for (const { machineId, sha256, state, origin } of all) {
      this.remember(machineId, sha256, { state, origin });
    }
  }

  allows(machineId: string, sha256: string): boolean {
    const state = this.known.get(machineId)?.get(sha256)?.state;
    return state === 'issued' || state === 'active';
  }

  /** Whether it was handed out so, and no agent has answered with it yet. */
  isNew(machineId: string, sha256: string, origin: CertificateOrigin): boolean {
    const known = this.known.get(machineId)?.get(sha256);
    return known?.state === 'issued' && known.origin === origin;
  }

  async issued(
    tx: EntityManager,
    machineId: string,
    { certificatePem, origin }: { certificatePem: string; origin: CertificateOrigin },
  ): Promise<void> {
    const certificate = new X509Certificate(certificatePem);
    const sha256 = certificateSha256(certificatePem);
    await tx.insert(AgentCertificate, {
      sha256,
      machineId,
      publicKeySha256: publicKeySha256(certificatePem),
      notBefore: certificate.validFromDate,
      notAfter: certificate.validToDate,
      origin,
    });
    this.remember(machineId, sha256, { state: 'issued', origin });
  }

  /** From here on this one counts for its machine, and no other; together with `also`. */
  async activate(
    machineId: string,
    sha256: string,
    also: (tx: EntityManager) => Promise<void> = async () => {},
  ): Promise<void> {
    await this.certificates.manager.transaction(async (tx) => {
      await also(tx);
      await tx.update(AgentCertificate, { machineId, sha256: Not(sha256) }, { state: 'revoked' });
      await tx.update(AgentCertificate, { machineId, sha256 }, { state: 'active' });
    });
    for (const [other, known] of this.known.get(machineId) ?? []) {
      known.state = other === sha256 ? 'active' : 'revoked';
    }
  }

  /** Of those handed out at enrolments before `before`, the ones that no agent answered with. */
  async revokeUnused(
    tx: EntityManager,
    machineIds: readonly string[],
    before: Date,
  ): Promise<void> {
    await this.revoke(tx, `"machine_id" = ANY ($1) AND "created_at" < $2`, [machineIds, before]);
  }

  /** What was handed out for a key that has lost its token to another. */
  async revokeUnusedOf(tx: EntityManager, machineId: string, publicKey: string): Promise<void> {
    await this.revoke(tx, `"machine_id" = $1 AND "public_key_sha256" = $2`, [machineId, publicKey]);
  }

  forget(machineId: string): void {
    this.known.delete(machineId);
  }

  private async revoke(tx: EntityManager, which: string, values: unknown[]): Promise<void> {
    const [revoked] = await tx.query<[{ machineId: string; sha256: string }[], number]>(
      `UPDATE "agent_certificate" SET "state" = 'revoked'
       WHERE "state" = 'issued' AND "origin" = 'enrolment' AND ${which}
       RETURNING "machine_id" AS "machineId", "sha256"`,
      values,
    );
    for (const { machineId, sha256 } of revoked) {
      const known = this.known.get(machineId)?.get(sha256);
      if (known) known.state = 'revoked';
    }
  }

  private remember(machineId: string, sha256: string, known: Known): void {
    const all = this.known.get(machineId) ?? new Map<string, Known>();
    this.known.set(machineId, all.set(sha256, known));
  }
}
