import { existsSync } from 'node:fs';
import { runCommand } from '@gopher/supervisor';
import { AGENT_MAIN } from '../config/checkout.js';
import type { TrialConfig } from '../config/trial.config.js';
import { AGENT_FLAGS, agentEnvironment, agentSpec } from '../process/specs.js';
import type { Beginning, TrialSupervisor } from '../process/trial-supervisor.js';
import type { Enrolment, Memory, TrialDirectory } from '../trial-directory.js';
import { TrialFailedError } from '../trial.errors.js';
import { until, type Wait } from '../until.js';
import type { EdgeApi, MachineView } from './edge-api.js';

export const MACHINE_NAME = 'this-machine';
export const AGENT = 'gopher-agent';

const COMMAND_TIMEOUT_MS = 30_000;
/** After it a machine that was enrolled before is enrolled again. */
const PATIENCE_MS = 15_000;
const UP_TIMEOUT_MS = 45_000;

/** This machine as one of the edge's: registered, enrolled, and its agent reached. */
export class MachineJoin {
  constructor(
    private readonly config: TrialConfig,
    private readonly directory: TrialDirectory,
    private readonly supervisor: TrialSupervisor,
    private readonly api: EdgeApi,
  ) {}

  /** Before the edge was asked: whether the agent may be started with what it has. */
  mayStart({ enrolment }: Memory): boolean {
    if (enrolment === null || !existsSync(this.directory.agent)) return false;
    return sameEnrolment(enrolment, this.wanted(enrolment.machineId, enrolment.caFingerprint));
  }

  startAgent(): Promise<Beginning> {
    return this.supervisor.run(agentSpec(this.config, this.directory));
  }

  async findOrCreate({ machineId }: Memory): Promise<MachineView> {
    const known = machineId === null ? null : await this.api.machine(machineId);
    if (known) return known;
    const named = await this.api.findMachine(MACHINE_NAME);
    return named ?? this.api.createMachine(MACHINE_NAME);
  }

  /** Enrols where that was not done, or was done with another edge, machine or ports. */
  async enrol(machineId: string, memory: Memory): Promise<{ isNew: boolean; memory: Memory }> {
    const { caFingerprint } = await this.api.edge();
    const wanted = this.wanted(machineId, caFingerprint);
    const isSame = memory.enrolment !== null && sameEnrolment(memory.enrolment, wanted);
    const attached = (await this.api.machineStatus(machineId))?.agent ?? null;
    if (isSame && attached !== null && this.mayStart(memory)) return { isNew: false, memory };
    return { isNew: true, memory: await this.enrolAnew(wanted, memory) };
  }

  /**
   * Where the first try leads nowhere, it is enrolled again; resolves with what is to be remembered.
   * @param since what was seen before tells of another server, or of another agent
   */
  async untilUp(
    { memory, isNew }: { memory: Memory; isNew: boolean },
    since: number,
    signal: AbortSignal,
  ): Promise<Memory> {
    const machineId = memory.machineId!;
    const isUp = (timeoutMs: number) => this.isUp(machineId, since, { timeoutMs, signal });
    if (await isUp(isNew ? UP_TIMEOUT_MS : PATIENCE_MS)) return memory;
    if (isNew) throw await this.notReached(machineId);
    const { caFingerprint } = await this.api.edge();
    const again = await this.enrolAnew(this.wanted(machineId, caFingerprint), memory);
    await this.startAgent();
    if (await isUp(UP_TIMEOUT_MS)) return again;
    throw await this.notReached(machineId);
  }

  private async isUp(id: string, since: number, wait: Wait): Promise<boolean> {
    const ask = async () => {
      const agent = (await this.api.machineStatus(id))?.agent;
      if (agent?.status !== 'up') return null;
      return Date.parse(agent.observedAt ?? '') >= since ? true : null;
    };
    return (await until(ask, wait)) ?? false;
  }

  private async notReached(machineId: string): Promise<TrialFailedError> {
    const { rathole } = await this.api.edge();
    const status = await this.api.machineStatus(machineId);
    const reasons = [rathole.problem, ...(status?.reasons ?? [])].filter((text) => text !== null);
    const what = `was not reached by the edge: ${reasons.join('; ')}`;
    return this.supervisor.failure(AGENT, what);
  }

  /** From an empty directory: what another edge or machine left there is of no use. */
  private async enrolAnew(wanted: Enrolment, memory: Memory): Promise<Memory> {
    await this.supervisor.processes.stop(AGENT);
    await this.stopClients();
    await this.directory.removeAgent();
    const token = await this.api.joinToken(wanted.machineId);
    const server = ['--server', wanted.apiUrl, '--ca-fingerprint', wanted.caFingerprint];
    await this.agentCommand('enroll', ...server, '--token', token);
    const next = { ...memory, machineId: wanted.machineId, enrolment: wanted };
    await this.directory.remember(next);
    return next;
  }

  /** Both rathole clients of this machine. The agent must not run. */
  async stopClients(): Promise<void> {
    if (existsSync(this.directory.agent)) await this.agentCommand('stop-clients');
  }

  private agentCommand(...args: string[]): Promise<string> {
    return runCommand(process.execPath, [...AGENT_FLAGS, AGENT_MAIN, ...args], {
      env: agentEnvironment(this.config, this.directory),
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  }

  private wanted(machineId: string, caFingerprint: string): Enrolment {
    const { apiUrl, ratholeAddress, agentPort, checkPort } = this.config;
    return { machineId, caFingerprint, apiUrl, ratholeAddress, agentPort, checkPort };
  }
}

const sameEnrolment = (a: Enrolment, b: Enrolment): boolean =>
  (Object.keys(b) as (keyof Enrolment)[]).every((key) => a[key] === b[key]);
