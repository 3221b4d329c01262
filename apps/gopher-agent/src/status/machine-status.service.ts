import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import {
  type AppliedConfig,
  ConfigState,
  type FoundConfig,
  type MachineStatus,
  PROTOCOL_VERSION,
  type RatholeClientStatus,
  RatholeClientState,
  RevertCause,
  type RevertedConfig,
} from '@gopher/proto';
import type { ProcessView } from '../host/client-process.js';
import { System } from '@gopher/host';
import { Enrolment } from '../identity/enrolment.js';
import type { ClientFileState } from '../rathole/client-file.js';
import type { FoundConfig as KeptFound } from '../rathole/found-config.js';
import {
  inForce,
  type RevertCause as KeptCause,
  type RevertedConfig as KeptRevert,
} from '../rathole/kept-config.js';
import { AGENT_VERSION } from '../version.js';
import type { ClientObservation } from './client-observer.js';
import { RatholeObserver } from './rathole-observer.js';
import { toSystemStatus } from './system-status.js';

const STATES: Record<ProcessView, RatholeClientState> = {
  gone: RatholeClientState.STOPPED,
  frozen: RatholeClientState.FROZEN,
  running: RatholeClientState.RUNNING,
  connected: RatholeClientState.CONNECTED,
};

const CAUSES: Record<KeptCause, RevertCause> = {
  'not-taken': RevertCause.NOT_TAKEN,
  'not-confirmed': RevertCause.NOT_CONFIRMED,
};

/** Puts together what the edge is told. Never waits, so that a change is told as it is seen. */
@Injectable()
export class MachineStatusService {
  private readonly instanceId = randomUUID();
  private sequence = 0n;

  constructor(
    private readonly enrolment: Enrolment,
    private readonly system: System,
    private readonly rathole: RatholeObserver,
  ) {}

  observe(): MachineStatus {
    const { control, data, config, version, ...observed } = this.rathole.observe();
    this.sequence += 1n;
    return {
      protocolVersion: PROTOCOL_VERSION,
      agentVersion: AGENT_VERSION,
      machineId: this.enrolment.record.machineId,
      observedAt: new Date(),
      sequence: this.sequence,
      instanceId: this.instanceId,
      system: toSystemStatus(this.system.read()),
      control: toClientStatus(control),
      data: toClientStatus(data),
      config: toAppliedConfig(config),
      activeTunnels: observed.activeTunnels,
      ratholeVersion: version,
      reverted: toReverted(config.config.reverted),
      highestRevision: BigInt(config.config.highest),
      found: toFound(config.found),
      controlSha256: observed.controlSha256,
      policyVersion: observed.policyVersion,
    };
  }

  dataClient(): RatholeClientStatus {
    return toClientStatus(this.rathole.observe().data);
  }
}

export function toAppliedConfig({ config, drifted, detail }: ClientFileState): AppliedConfig {
  const { revision, sha256 } = inForce(config);
  const state = config.trial ? ConfigState.UNCONFIRMED : ConfigState.APPLIED;
  return {
    revision: BigInt(revision),
    sha256,
    state: drifted ? ConfigState.DRIFTED : state,
    detail,
  };
}

function toReverted(reverted: KeptRevert | null): RevertedConfig | undefined {
  if (!reverted) return undefined;
  const { revision, sha256, cause, reason } = reverted;
  return { revision: BigInt(revision), sha256, cause: CAUSES[cause], reason };
}

function toFound(found: KeptFound | null): FoundConfig | undefined {
  if (!found) return undefined;
  const { foundAt, keptAs, lines, services } = found;
  return { foundAt: new Date(foundAt), keptAs, lines, services };
}

function toClientStatus(observed: ClientObservation): RatholeClientStatus {
  const { view, pid, startedAt, restarts, restartNeeded, detail } = observed;
  return {
    state: STATES[view],
    pid: pid ?? 0,
    startedAt: startedAt ?? undefined,
    restarts,
    restartNeeded,
    detail,
  };
}
