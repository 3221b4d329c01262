import { Injectable } from '@nestjs/common';
import { type Check, failed, passed, skipped } from '@gopher/diagnosis';
import { echo } from '../../machine/echo.js';
import { EdgeCheck, ms } from '../edge-check.js';
import type { ExaminedMachine } from '../examined-machine.js';

const ECHO_TIMEOUT_MS = 3_000;

/** Whether bytes pass the machine's data client on a connection that is made now. */
@Injectable()
export class DataPathCheck extends EdgeCheck<ExaminedMachine> {
  readonly id = 'data-path';

  async look({ agent }: ExaminedMachine): Promise<Check[]> {
    if (!agent) {
      return [skipped(this.id, 'Only a machine with an agent sends bytes back to be checked')];
    }
    const began = performance.now();
    const problem = await echo(agent.checkPort, ECHO_TIMEOUT_MS);
    if (problem === null) {
      const measured = ms(performance.now() - began);
      return [passed(this.id, 'Bytes go through the data client and come back', { measured })];
    }
    if (problem.closed) {
      const meaning =
        'The data client took a connection, and its agent sent nothing back: whether bytes pass can not be told';
      return [skipped(this.id, meaning)];
    }
    const meaning = `No bytes pass the data client: ${problem.detail}`;
    const advice =
      'The edge has the data client restarted when this lasts; on the machine gopher-agent diagnose says more';
    return [failed(this.id, meaning, { advice })];
  }
}
