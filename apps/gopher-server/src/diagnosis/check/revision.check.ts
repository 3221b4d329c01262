import { Injectable } from '@nestjs/common';
import { type Check, failed, passed, skipped, warned } from '@gopher/diagnosis';
import type { MachineStatus, RevisionView } from '@gopher/machine';
import { EdgeCheck } from '../edge-check.js';
import type { ExaminedMachine } from '../examined-machine.js';

/** How far the configuration that the machine should have has come. */
@Injectable()
export class RevisionCheck extends EdgeCheck<ExaminedMachine> {
  readonly id = 'revision';

  look({ status }: ExaminedMachine): Check[] {
    const { revision } = status;
    return [revision === null ? skipped(this.id, NOT_KNOWN) : this.of(revision, status)];
  }

  private of(revision: RevisionView, status: MachineStatus): Check {
    const { wanted, state, reason } = revision;
    const which = wanted.number === null ? 'the newest configuration' : `revision ${wanted.number}`;
    const why = reason === null ? '' : `: ${reason}`;
    switch (state) {
      case 'in-sync':
        return passed(this.id, `The machine has ${which}, which it should have`);
      case 'refused':
        return failed(this.id, `The machine refused ${which}${why}`, {
          advice: `Change the tunnels, or what the machine allows. Until then it has not: ${changes(revision)}`,
        });
      case 'reverted':
        return failed(this.id, `The machine took ${which} back${why}`, {
          advice: `It is tried again by itself unless rathole would not have it. Until then it has not: ${changes(revision)}`,
        });
      case 'waits-to-be-fetched':
        return warned(this.id, `The machine has no agent and has not fetched ${which}${why}`, {
          advice: `POST /api/v1/machines/${status.machineId}/client-config-tokens makes a token to fetch it`,
        });
      case 'pushing':
      case 'unconfirmed':
        return skipped(this.id, `The machine is just being given ${which}${why}`);
    }
  }
}

const NOT_KNOWN = 'What the machine should have is not known yet: gopher-server has just started';

const changes = ({ differences }: RevisionView): string =>
  differences.length === 0 ? 'what was changed' : differences.slice(0, 5).join('; ');
