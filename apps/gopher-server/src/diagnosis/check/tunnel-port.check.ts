import { Injectable } from '@nestjs/common';
import { type Check, failed, passed } from '@gopher/diagnosis';
import { serviceNames } from '../../edge/edge-files.js';
import { BoundPorts } from '../../probe/bound-ports.js';
import { EdgeCheck } from '../edge-check.js';
import type { ExaminedMachine } from '../examined-machine.js';

/** Whether visitors of a tunnel find its port open. */
@Injectable()
export class TunnelPortCheck extends EdgeCheck<ExaminedMachine> {
  readonly id = 'edge-tunnel-port';

  async look({ tunnels }: ExaminedMachine): Promise<Check[]> {
    if (tunnels.length === 0) return [];
    const bound = { tcp: await BoundPorts.read('tcp'), udp: await BoundPorts.read('udp') };
    return tunnels.map(({ id, protocol, bindAddress, port }) => {
      const subject = serviceNames.tunnel(id);
      const where = `${protocol} port ${port} of ${bindAddress}`;
      if (bound[protocol].has(bindAddress, port)) {
        return passed(this.id, `${where} is open`, { subject });
      }
      const meaning = `${where} is closed: the machine's data client is not connected for this tunnel`;
      const advice = 'The port opens by itself once the data client is connected for it';
      return failed(this.id, meaning, { advice, subject });
    });
  }
}
