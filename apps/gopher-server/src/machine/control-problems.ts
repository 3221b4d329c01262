import { Injectable } from '@nestjs/common';

/** Why control clients are not where they should be; written by the one who moves them alone. */
@Injectable()
export class ControlProblems {
  private readonly problems = new Map<string, string>();

  get(machineId: string): string | null {
    return this.problems.get(machineId) ?? null;
  }

  /** Returns whether it was something else before. */
  set(machineId: string, problem: string | null): boolean {
    if (this.get(machineId) === problem) return false;
    if (problem === null) this.problems.delete(machineId);
    else this.problems.set(machineId, problem);
    return true;
  }
}
