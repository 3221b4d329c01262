import { Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { certificateSha256 } from '@gopher/identity';
import type { AgentTarget } from '@gopher/machine';
import { AgentService } from '@gopher/proto';
import { EdgeIdentity } from '../edge/edge-identity.js';
import { AgentCertificates } from './agent-certificates.js';
import { GrpcAgentClient } from './grpc-agent-client.js';

/** Without a confirmation in this time the agent goes back to the certificate before. */
const CONFIRM_WITHIN_S = 60;

interface Due {
  id: string;
  agentAddr: string;
}

/**
 * Replaces an agent's certificate at two thirds of its life. The new one is tried on a connection of
 * its own; the channel in use stays as it is.
 */
@Injectable()
export class CertificateRenewal {
  private readonly logger = new Logger(CertificateRenewal.name);

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly agents: GrpcAgentClient,
    private readonly certificates: AgentCertificates,
    private readonly edge: EdgeIdentity,
  ) {}

  @Cron(CronExpression.EVERY_HOUR, { name: 'certificate-renewal', waitForCompletion: true })
  async run(): Promise<void> {
    try {
      for (const target of await this.due()) await this.tryToRenew(target);
    } catch (error) {
      this.logger.error(`Certificates could not be looked at: ${String(error)}`);
    }
  }

  /** @throws AgentUnreachableError, ServiceError */
  async renew(target: AgentTarget): Promise<void> {
    const channel = await this.agents.channel(target);
    const { csrPem } = await this.agents.call(channel, AgentService.createCertificateRequest, {});
    const certificatePem = await this.edge.ca.issueMachine(csrPem, target.id);
    await this.database.transaction((tx) =>
      this.certificates.issued(tx, target.id, certificatePem),
    );
    const request = { certificatePem, confirmWithinSeconds: CONFIRM_WITHIN_S };
    await this.agents.call(channel, AgentService.installCertificate, request);
    await this.confirm(target, certificateSha256(certificatePem));
  }

  private async confirm(target: AgentTarget, sha256: string): Promise<void> {
    const channel = await this.agents.freshChannel(target);
    try {
      await this.agents.call(channel, AgentService.confirmCertificate, { sha256 });
      if (channel.presented !== sha256)
        throw new Error('The agent answered with another certificate');
    } finally {
      channel.close();
    }
    await this.database.transaction((tx) => this.certificates.activate(tx, target.id, sha256));
    this.logger.log(`Renewed the certificate of machine ${target.id}`);
  }

  private async tryToRenew(target: AgentTarget): Promise<void> {
    try {
      await this.renew(target);
    } catch (error) {
      this.logger.warn(
        `The certificate of ${target.id} could not be renewed yet: ${String(error)}`,
      );
    }
  }

  private due(): Promise<Due[]> {
    return this.database.query(
      `SELECT m."id", m."agent_addr" AS "agentAddr"
       FROM "machine" m JOIN "agent_certificate" c ON c."machine_id" = m."id"
       WHERE m."edge_id" = $1 AND m."agent_addr" IS NOT NULL AND c."state" = 'active'
         AND now() > c."not_before" + (c."not_after" - c."not_before") * 2 / 3`,
      [this.edge.value],
    );
  }
}
