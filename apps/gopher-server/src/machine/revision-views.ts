import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { RevisionView } from '@gopher/machine';

/** How far the configuration of each machine has come; written by those who bring it there alone. */
@Injectable()
export class RevisionViews {
  private readonly views = new Map<string, RevisionView>();

  get(machineId: string): RevisionView | null {
    return this.views.get(machineId) ?? null;
  }

  /** Returns whether it was something else before. */
  set(machineId: string, view: RevisionView): boolean {
    if (isDeepStrictEqual(this.views.get(machineId), view)) return false;
    this.views.set(machineId, view);
    return true;
  }

  forget(machineId: string): void {
    this.views.delete(machineId);
  }
}
