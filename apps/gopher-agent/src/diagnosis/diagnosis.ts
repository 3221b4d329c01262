import { Injectable } from '@nestjs/common';
import type { Check } from '@gopher/diagnosis';
import { System } from '@gopher/host';
import { BusyError } from '../agent.errors.js';
import { Enrolment } from '../identity/enrolment.js';
import type { Declared } from '../rathole/target-check.js';
import { clientFileOf, type ClientName } from '../state/state-directory.js';
import { type ClientFacts, RatholeObserver } from '../status/rathole-observer.js';
import type { EdgeClock } from './edge-clock.js';
import { repairedLately } from './repaired-lately.js';
import type { ClientSituation, Situation } from './situation.js';

const MOST_WAITING = 3;

export interface DiagnosisOrder {
  edgeClock: EdgeClock;
  expectedSha256: string;
  declared: Declared;
}

/** Looks at everything, from within the running agent. */
@Injectable()
export class Diagnosis {
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(
    private readonly enrolment: Enrolment,
    private readonly rathole: RatholeObserver,
    private readonly system: System,
  ) {}

  /** One after the other, so that asking often makes no load. @throws BusyError */
  async run(order: DiagnosisOrder): Promise<Check[]> {
    if (this.waiting > MOST_WAITING) {
      throw new BusyError('Too many diagnoses are asked for at once: one takes 5 s at most');
    }
    this.waiting += 1;
    const turn = this.queue.then(() => this.look(order)).finally(() => (this.waiting -= 1));
    this.queue = turn.catch(() => {});
    return turn;
  }

  private async look(order: DiagnosisOrder): Promise<Check[]> {
    // Loaded when needed: an agent is rarely asked.
    const { diagnose } = await import('./diagnose.js');
    return diagnose(this.situation(order), order.declared);
  }

  private situation({ edgeClock, expectedSha256 }: DiagnosisOrder): Situation {
    const { clients, ...rathole } = this.rathole.examine();
    return {
      record: this.enrolment.record,
      stateDir: this.enrolment.state.root,
      agentPid: process.pid,
      clients: { control: this.client('control', clients), data: this.client('data', clients) },
      ...rathole,
      system: this.system,
      expectedSha256,
      edgeClock,
    };
  }

  private client(name: ClientName, facts: Record<ClientName, ClientFacts>): ClientSituation {
    const { state, seen } = facts[name];
    const { record, state: directory } = this.enrolment;
    const { view, pid, detail, restartNeeded } = seen;
    return {
      file: clientFileOf(directory, record, name === 'control' ? state.config.slot : name),
      kept: state.config,
      view,
      pid,
      detail,
      repaired: state.drifted ? '' : state.detail || repairedLately(state.found),
      restartNeeded,
    };
  }
}
