import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DomainError, MachineEvents, MachineService } from '@gopher/machine';
import { ServerConfig } from '../config/server.config.js';
import { EdgeIdentity } from '../edge/edge-identity.js';
import { FetchedConfigs } from '../edge/fetched-configs.js';
import { Reconciler } from '../edge/reconciler.js';
import { EnrolmentService } from '../enrolment/enrolment.service.js';
import { TokenRefusedError } from '../enrolment/enrolment.errors.js';
import { JoinTokens } from '../enrolment/join-tokens.js';
import { Idempotency } from '../http/idempotency.js';
import { Revisions } from '../revision/revisions.js';
import type { JoinTokenView } from './machine.schema.js';

export class MachineHasAgentError extends DomainError {
  readonly code = 'machine-has-agent';
  readonly kind = 'conflict';
  constructor(name: string) {
    super(`Machine "${name}" has an agent, which gets its configuration by itself`);
  }
}

/** How machines come and go. */
@Injectable()
export class MachineAdmission {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly machines: MachineService,
    private readonly events: MachineEvents,
    private readonly tokens: JoinTokens,
    private readonly enrolments: EnrolmentService,
    private readonly reconciler: Reconciler,
    private readonly revisions: Revisions,
    private readonly fetched: FetchedConfigs,
    private readonly idempotency: Idempotency,
    private readonly edge: EdgeIdentity,
    private readonly config: ServerConfig,
  ) {}

  /** @throws MachineNameTakenError, IdempotencyKeyReusedError */
  async create(body: { name: string }, key: string | undefined): Promise<string> {
    const { id } = await this.idempotency.create({ key, operation: 'createMachine', body }, (tx) =>
      this.machines.create(body, tx),
    );
    return id;
  }

  /** @throws MachineNotFoundError */
  async joinToken(machineId: string): Promise<JoinTokenView> {
    const made = await this.database.transaction(async (tx) => {
      await this.machines.hold(machineId, tx);
      return this.tokens.make(tx, machineId, 'join');
    });
    const command =
      `gopher-agent enroll --server ${this.config.publicUrl} --token ${made.token} ` +
      `--ca-fingerprint ${this.edge.ca.fingerprint}`;
    return { token: made.token, expiresAt: made.expiresAt.toISOString(), command };
  }

  /** @throws MachineNotFoundError, MachineHasAgentError */
  async clientConfigToken(machineId: string): Promise<JoinTokenView> {
    const made = await this.database.transaction(async (tx) => {
      const machine = await this.machines.hold(machineId, tx);
      if (machine.agentAddr !== null) throw new MachineHasAgentError(machine.name);
      return this.tokens.make(tx, machineId, 'client-config');
    });
    const url = `${this.config.publicUrl}/api/v1/machines/${machineId}/client.toml`;
    const command =
      `(umask 077; curl --fail --silent --show-error --output client.toml ` +
      `--header 'Authorization: Bearer ${made.token}' ${url}) && rathole --client client.toml`;
    return { token: made.token, expiresAt: made.expiresAt.toISOString(), command };
  }

  /** @throws MachineNotFoundError, TokenRefusedError, MachineHasAgentError */
  async clientConfig(machineId: string, token: string | null): Promise<string> {
    if (token === null) throw TokenRefusedError.unknown();
    const use = { purpose: 'client-config', machineId } as const;
    await this.database.transaction((tx) => this.tokens.check(tx, token, use));
    // Made before the token is used up, so that it stays good when the file cannot be made; and in
    // no transaction, since a fleet that asks at once would hold every connection this needs.
    await this.reconciler.settled();
    const { data } = await this.reconciler.machineFiles(machineId);
    await this.database.transaction(async (tx) => {
      await this.tokens.consume(tx, token, use);
      const machine = await this.machines.get(machineId, tx);
      if (machine.agentAddr !== null) throw new MachineHasAgentError(machine.name);
      await this.revisions.fetch(tx, machineId, data);
    });
    this.fetched.fetched(machineId);
    this.reconciler.request();
    return data.toml;
  }

  /** Resolves with what is left to do on the machine. @throws MachineNotFoundError */
  async remove(machineId: string): Promise<string> {
    const { agentAddr, name } = await this.database.transaction(async (tx) => {
      // In the order in which an enrolment takes them: token, then machine.
      await this.tokens.lockAll(tx, machineId);
      return this.machines.remove(machineId, tx);
    });
    this.enrolments.forget(machineId);
    this.events.removed.next({ machineId });
    await this.reconciler.settled();
    const what = agentAddr === null ? 'its rathole client' : 'gopher-agent and its rathole clients';
    return `"${name}" can no longer connect, but ${what} still run there: stop and remove them.`;
  }
}
