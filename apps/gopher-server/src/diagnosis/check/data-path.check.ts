import { Injectable } from '@nestjs/common';
import { type Check, failed, ms, passed, skipped } from '@gopher/diagnosis';
import { AgentClient } from '@gopher/machine';
import { lookAtDataPath } from '../../machine/data-path-look.js';
import { EdgeCheck } from '../edge-check.js';
import type { ExaminedMachine } from '../examined-machine.js';

const ECHO_TIMEOUT_MS = 3_000;

/** Whether bytes pass the machine's data client on a connection that is made now. */
@Injectable()
export class DataPathCheck extends EdgeCheck<ExaminedMachine> {
  readonly id = 'data-path';
  /** An echo, and the question whether the agent is there. */
  override readonly deadlineMs = 6_000;

  constructor(private readonly agents: AgentClient) {
    super();
  }

  async look({ agent }: ExaminedMachine): Promise<Check[]> {
    if (!agent) {
      return [skipped(this.id, 'Only a machine with an agent sends bytes back to be checked')];
    }
    const began = performance.now();
    const { passes, detail } = await lookAtDataPath(this.agents, agent, ECHO_TIMEOUT_MS);
    if (passes === true) {
      const measured = ms(performance.now() - began);
      return [passed(this.id, 'Bytes go through the data client and come back', { measured })];
    }
    if (passes === null) {
      const meaning =
        'The data client took a connection, and the agent, which sends bytes back, is away: whether they pass can not be told';
      return [skipped(this.id, meaning)];
    }
    const meaning = `No bytes pass the data client, so no tunnel serves: ${detail}`;
    const advice =
      'One that runs and carries nothing is wedged: the edge has it restarted when this lasts. Otherwise its log on the machine says why';
    return [failed(this.id, meaning, { advice })];
  }
}
