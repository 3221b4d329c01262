import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type ServiceError, status } from '@grpc/grpc-js';
import { Cron, CronExpression } from '@nestjs/schedule';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Subscription } from 'rxjs';
import type { DataSource } from 'typeorm';
import { certificateSha256 } from '@gopher/identity';
import { type AgentTarget, MachineEvents } from '@gopher/machine';
import { AgentService } from '@gopher/proto';
import { EdgeIdentity } from '../edge/edge-identity.js';
import { AgentCertificates } from './agent-certificates.js';
import type { AgentChannel } from './agent-channel.js';
import { GrpcAgentClient } from './grpc-agent-client.js';

/** Without a confirmation in this time the agent goes back to the certificate before. */
const CONFIRM_WITHIN_S = 60;

interface Due {
  id: string;
  agentAddr: string;
}

/**
 * Replaces an agent's certificate at two thirds of its life. The new one is tried on a connection of
 * its own; the channel in use stays as it is. The old one is revoked only when it is certain that the
 * agent keeps the new one: an agent that went back to a revoked one could never be reached again.
 */
@Injectable()
export class CertificateRenewal implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(CertificateRenewal.name);
  private readonly renewing = new Set<string>();
  private subscription: Subscription | undefined;

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly agents: GrpcAgentClient,
    private readonly certificates: AgentCertificates,
    private readonly edge: EdgeIdentity,
    private readonly events: MachineEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.subscription = this.events.report.subscribe(({ target }) => void this.finish(target));
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
  }

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
    this.renewing.add(target.id);
    try {
      await this.replace(target);
    } finally {
      this.renewing.delete(target.id);
    }
  }

  private async replace(target: AgentTarget): Promise<void> {
    const channel = await this.agents.channel(target);
    const { csrPem } = await this.agents.call(channel, AgentService.createCertificateRequest, {});
    const certificatePem = await this.edge.ca.issueMachine(csrPem, target.id);
    await this.database.transaction((tx) =>
      this.certificates.issued(tx, target.id, { certificatePem, origin: 'renewal' }),
    );
    const request = { certificatePem, confirmWithinSeconds: CONFIRM_WITHIN_S };
    await this.agents.call(channel, AgentService.installCertificate, request);
    await this.confirm(target, certificateSha256(certificatePem));
  }

  /** A renewal was cut short, and the agent answers with the new certificate: perhaps keeps it. */
  private async finish(target: AgentTarget): Promise<void> {
    const sha256 = this.agents.presentedCertificate(target.id);
    if (sha256 === null || !this.certificates.isNew(target.id, sha256, 'renewal')) return;
    if (this.renewing.has(target.id)) return;
    this.renewing.add(target.id);
    try {
      await this.confirm(target, sha256);
    } catch (error) {
      this.notYet(target, error);
    } finally {
      this.renewing.delete(target.id);
    }
  }

  private async confirm(target: AgentTarget, sha256: string): Promise<void> {
    try {
      await this.callAnew(target, (channel) =>
        this.agents.call(channel, AgentService.confirmCertificate, { sha256 }),
      );
    } catch (error) {
      if ((error as ServiceError).code !== status.FAILED_PRECONDITION) throw error;
      // Nothing is pending there: it was confirmed and the answer was lost, or the agent went back.
      const kept = await this.callAnew(target, (channel) =>
        this.agents.call(channel, AgentService.getStatus, {}),
      );
      if (kept !== sha256) throw error;
    }
    await this.certificates.activate(target.id, sha256);
    this.logger.log(`Renewed the certificate of machine ${target.id}`);
  }

  /** Resolves with the certificate that the agent showed to a connection made for this call. */
  private callAnew(
    target: AgentTarget,
    call: (channel: AgentChannel) => Promise<unknown>,
  ): Promise<string | null> {
    return this.agents.anew(target, async (channel) => {
      await call(channel);
      return channel.presented;
    });
  }

  private async tryToRenew(target: AgentTarget): Promise<void> {
    try {
      await this.renew(target);
    } catch (error) {
      this.notYet(target, error);
    }
  }

  private notYet({ id }: AgentTarget, error: unknown): void {
    this.logger.warn(`The certificate of ${id} could not be renewed yet: ${String(error)}`);
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
