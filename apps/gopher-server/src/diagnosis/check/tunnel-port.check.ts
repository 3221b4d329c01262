import { Injectable } from '@nestjs/common';
import type { Check } from '@gopher/diagnosis';
import { serviceNames } from '../../edge/edge-files.js';
import { BoundPorts } from '../../probe/bound-ports.js';
import { EdgeCheck } from '../edge-check.js';
import type { ExaminedMachine } from '../examined-machine.js';

/** Whether visitors of a tunnel find its port open. */
@Injectable()
export class TunnelPortCheck extends EdgeCheck<ExaminedMachine> {
  readonly id = 'edge-tunnel-port';
  readonly leg = 'rathole→machine';

  async look({ tunnels }: ExaminedMachine): Promise<Check[]> {
    if (tunnels.length === 0) return [];
    const bound = { tcp: await BoundPorts.read('tcp'), udp: await BoundPorts.read('udp') };
    return tunnels.map(({ id, protocol, bindAddress, port }) => {
      const subject = serviceNames.tunnel(id);
      if (bound[protocol].has(bindAddress, port)) {
        const meaning = `${protocol} port ${port} of ${bindAddress} is open`;
        return this.found('pass', { meaning, subject });
      }
      const meaning = `${protocol} port ${port} of ${bindAddress} is closed: the machine's data client is not connected for this tunnel`;
      const advice = 'Look at what else is said of the machine: visitors come in again by themselves';
      return this.found('fail', { meaning, advice, subject });
    });
  }
}
