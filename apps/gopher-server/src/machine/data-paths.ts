import { Injectable } from '@nestjs/common';
import type { DataPathObservation } from '@gopher/machine';

/** The newest finding for each machine; written by the data check alone. */
@Injectable()
export class DataPaths {
  private readonly found = new Map<string, DataPathObservation>();

  get(machineId: string): DataPathObservation | null {
    return this.found.get(machineId) ?? null;
  }

  set(machineId: string, observation: DataPathObservation): void {
    this.found.set(machineId, observation);
  }

  forget(machineId: string): void {
    this.found.delete(machineId);
  }
}
