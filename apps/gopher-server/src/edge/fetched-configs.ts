import { Injectable, Logger } from '@nestjs/common';
import { MachineEvents, type RevisionView } from '@gopher/machine';
import { parseClient } from '@gopher/rathole';
import { RevisionViews } from '../machine/revision-views.js';
import { type DerivedConfig, type RevisionInForce, Revisions } from '../revision/revisions.js';
import { differencesFrom } from './push-desk.js';

export interface FetchableConfig extends DerivedConfig {
  machineId: string;
}

/** Machines without an agent: nothing is pushed to them, and what they should fetch is known here. */
@Injectable()
export class FetchedConfigs {
  private readonly logger = new Logger(FetchedConfigs.name);
  /** By machine, the content that was compared last. */
  private readonly compared = new Map<string, string>();

  constructor(
    private readonly revisions: Revisions,
    private readonly views: RevisionViews,
    private readonly events: MachineEvents,
  ) {}

  /** The wanted configuration of every machine that has no agent. */
  want(all: readonly FetchableConfig[]): void {
    const ids = new Set(all.map(({ machineId }) => machineId));
    for (const id of [...this.compared.keys()]) if (!ids.has(id)) this.leave(id);
    const changed = all.filter(({ machineId, sha256 }) => this.compared.get(machineId) !== sha256);
    if (changed.length === 0) return;
    for (const { machineId, sha256 } of changed) this.compared.set(machineId, sha256);
    this.compare(changed).catch((error: unknown) => {
      for (const { machineId } of changed) this.compared.delete(machineId);
      this.logger.warn(`It is not known what was fetched: ${String(error)}`);
    });
  }

  /** The machine has fetched something. */
  fetched(machineId: string): void {
    this.compared.delete(machineId);
  }

  private async compare(changed: readonly FetchableConfig[]): Promise<void> {
    const inForce = await this.revisions.inForce(changed.map(({ machineId }) => machineId));
    for (const wanted of changed) {
      const { machineId, sha256 } = wanted;
      if (this.compared.get(machineId) !== sha256) continue; // something newer is wanted
      const view = viewOf(wanted, inForce.get(machineId) ?? null);
      if (this.views.set(machineId, view)) this.events.changed.next({ machineId });
    }
  }

  private leave(machineId: string): void {
    this.compared.delete(machineId);
    this.views.forget(machineId);
  }
}

function viewOf({ toml, sha256 }: DerivedConfig, last: RevisionInForce | null): RevisionView {
  if (last?.sha256 === sha256) {
    return {
      wanted: { sha256, number: last.number },
      state: 'in-sync',
      differences: [],
      reason: `Revision ${last.number} was fetched; without an agent it is not known whether it runs`,
    };
  }
  return {
    wanted: { sha256, number: null },
    state: 'waits-to-be-fetched',
    differences: differencesFrom(last, parseClient(toml)),
    reason: last ? `Revision ${last.number} was fetched last` : 'It was never fetched',
  };
}
