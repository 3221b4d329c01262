import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Subscription } from 'rxjs';
import type { DataSource, EntityManager } from 'typeorm';
import { InvalidCertificateRequestError, verifyCertificateRequest } from '@gopher/identity';
import { MachineEvents, MachineService } from '@gopher/machine';
import type { EnrolmentRequest, EnrolmentResponse } from '@gopher/proto';
import { EdgeIdentity } from '../edge/edge-identity.js';
import { Reconciler } from '../edge/reconciler.js';
import { AgentCertificates } from '../machine/agent-certificates.js';
import { GrpcAgentClient } from '../machine/grpc-agent-client.js';
import { agentAddress, BackChannels } from './back-channels.js';
import { CertificateRequestInvalidError } from './enrolment.errors.js';
import { JoinTokens, RESERVATION_MS } from './join-tokens.js';

const EXPIRY_INTERVAL_MS = 30_000;

/** How a machine gains its agent, and the only place that says that it has one. */
@Injectable()
export class EnrolmentService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(EnrolmentService.name);
  private subscription: Subscription | undefined;
  /** Machines whose first answer is just being written down: the next one comes before that is done. */
  private readonly confirming = new Set<string>();

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly tokens: JoinTokens,
    private readonly channels: BackChannels,
    private readonly machines: MachineService,
    private readonly certificates: AgentCertificates,
    private readonly agents: GrpcAgentClient,
    private readonly reconciler: Reconciler,
    private readonly edge: EdgeIdentity,
    private readonly events: MachineEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.subscription = this.events.report.subscribe(({ target: { id } }) => {
      this.confirm(id).catch((error: unknown) => {
        this.logger.error(`The enrolment of ${id} could not be confirmed: ${String(error)}`);
      });
    });
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
  }

  /** @throws TokenRefusedError, CertificateRequestInvalidError, MachineNotFoundError */
  async enrol(request: EnrolmentRequest): Promise<EnrolmentResponse> {
    const publicKeySha256 = await verify(request.csrPem);
    const { machineId, certificatePem } = await this.database.transaction(async (tx) => {
      const reserved = await this.tokens.reserve(tx, request.token, publicKeySha256);
      const { machineId: id, takenFrom } = reserved;
      if (takenFrom !== null) await this.certificates.revokeUnusedOf(tx, id, takenFrom);
      const { port } = await this.channels.prepare(tx, id, request);
      const certificate = await this.edge.ca.issueMachine(request.csrPem, id);
      const origin = 'enrolment';
      await this.certificates.issued(tx, id, { certificatePem: certificate, origin });
      await this.machines.attachAgent({ id, agentAddr: agentAddress(port) }, tx);
      return { machineId: id, certificatePem: certificate };
    });
    // The machine may connect the moment it has the answer: rathole has to know it by then.
    await this.reconciler.settled();
    const files = await this.reconciler.enrolledFiles(machineId);
    const machine = await this.machines.get(machineId);
    return {
      machineId,
      machineName: machine.name,
      certificatePem,
      caPem: this.edge.ca.certificatePem,
      controlToml: files.control,
      data: files.data,
    };
  }

  /** The machine is gone: its certificates open nothing from here on. */
  forget(machineId: string): void {
    this.certificates.forget(machineId);
    this.agents.forget(machineId);
  }

  /** The first answer with a new certificate: the token is used up, older certificates are revoked. */
  private async confirm(machineId: string): Promise<void> {
    const sha256 = this.agents.presentedCertificate(machineId);
    if (sha256 === null || !this.certificates.isNew(machineId, sha256, 'enrolment')) return;
    if (this.confirming.has(machineId)) return;
    this.confirming.add(machineId);
    try {
      await this.certificates.activate(machineId, sha256, async (tx) => {
        const key = await publicKeyOf(tx, sha256);
        if (key !== null) await this.tokens.consumeReserved(tx, machineId, key);
      });
    } finally {
      this.confirming.delete(machineId);
    }
    this.logger.log(`The agent of machine ${machineId} is enrolled`);
    this.events.changed.next({ machineId });
  }

  /** Enrolments that nobody finished in time: what they were given is taken back. */
  @Interval(EXPIRY_INTERVAL_MS)
  async expire(now = new Date()): Promise<void> {
    const before = new Date(now.getTime() - RESERVATION_MS);
    try {
      const abandoned = await this.channels.abandoned(before);
      if (abandoned.length === 0) return;
      await this.database.transaction(async (tx) => {
        await this.certificates.revokeUnused(
          tx,
          abandoned.map(({ machineId }) => machineId),
          before,
        );
        for (const { machineId, neverAnswered } of abandoned) {
          if (!neverAnswered) continue;
          await this.channels.release(tx, machineId);
          await this.machines.detachAgent(machineId, tx);
          this.logger.warn(`Nobody finished the enrolment of ${machineId}; it has no agent again`);
        }
      });
      this.reconciler.request();
    } catch (error) {
      this.logger.error(`Unfinished enrolments could not be looked for: ${String(error)}`);
    }
  }
}

async function verify(csrPem: string): Promise<string> {
  try {
    return (await verifyCertificateRequest(csrPem)).publicKeySha256;
  } catch (error) {
    if (!(error instanceof InvalidCertificateRequestError)) throw error;
    throw new CertificateRequestInvalidError(error.message, { cause: error });
  }
}

async function publicKeyOf(tx: EntityManager, sha256: string): Promise<string | null> {
  const [row] = await tx.query<{ public_key_sha256: string }[]>(
    `SELECT "public_key_sha256" FROM "agent_certificate" WHERE "sha256" = $1`,
    [sha256],
  );
  return row?.public_key_sha256 ?? null;
}
