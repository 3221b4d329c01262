import { Injectable } from '@nestjs/common';
import { ServerConfig } from '../config/server.config.js';
import { RatholeServer } from '../edge/rathole/rathole-server.js';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import { BoundPorts } from './bound-ports.js';
import { edgeProblem } from './edge-problem.js';
import type { ProbeFindings } from './probe-verdict.js';
import { VisitorTraffic } from './visitor-traffic.js';

/** Of traffic that many intervals ago the last probe may not know yet: it looked before it. */
const TRAFFIC_INTERVALS = 2;

/** What the edge sees of one tunnel without a visit. */
type Sight = Pick<ProbeFindings, 'isOpen' | 'hasTraffic' | 'edgeProblem'>;

export interface Seen {
  of(tunnel: Tunnel): Sight;
}

/** What the kernel of the edge tells of tunnels; one look for many. */
@Injectable()
export class EdgeSight {
  constructor(
    private readonly rathole: RatholeServer,
    private readonly traffic: VisitorTraffic,
    private readonly config: ServerConfig,
  ) {}

  async of(tunnels: readonly Tunnel[]): Promise<Seen> {
    const problem = edgeProblem(this.rathole);
    // A released rathole opens a port once and for all: there it says nothing.
    const isTold = problem !== null || this.rathole.has('revocation');
    const bound = { tcp: await BoundPorts.read('tcp'), udp: await BoundPorts.read('udp') };
    const silent = tunnels.filter(({ protocol, speaks }) => protocol === 'tcp' && speaks === null);
    const ports = silent.map(({ port }) => port);
    const withinMs = TRAFFIC_INTERVALS * this.config.probeIntervalMs;
    const busy = await this.traffic.onPorts(ports, withinMs);
    return {
      of: ({ protocol, bindAddress, port }) => ({
        isOpen: isTold ? bound[protocol].has(bindAddress, port) : null,
        hasTraffic: protocol === 'tcp' && busy.has(port),
        edgeProblem: problem,
      }),
    };
  }
}
