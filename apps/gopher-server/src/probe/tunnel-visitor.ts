import { Injectable } from '@nestjs/common';
import type { Visit } from '@gopher/diagnosis';
import { EdgeView } from '@gopher/machine';
import type { TargetCheck } from '@gopher/proto';
import { RatholeServer } from '../edge/rathole/rathole-server.js';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import { BoundPorts } from './bound-ports.js';
import { edgeProblem } from './edge-problem.js';
import { MachineLook } from './machine-look.js';
import { legsOf, type ProbeLegs, totalOf } from './probe.js';
import { tcpVerdict, udpVerdict, type Verdict } from './tunnel-verdict.js';
import { visitTunnel } from './visit-tunnel.js';

export interface Visited {
  verdict: Verdict;
  legs: ProbeLegs;
  totalMs: number | null;
}

/** Visits a tunnel that is not up, or not known to be. */
@Injectable()
export class TunnelVisitor {
  constructor(
    private readonly view: EdgeView,
    private readonly rathole: RatholeServer,
    private readonly look: MachineLook,
  ) {}

  /**
   * @param agentAddr of its machine; null: that has no agent
   * @param waitingMs how long it has been waiting to be served
   */
  async visit(tunnel: Tunnel, agentAddr: string | null, waitingMs: number): Promise<Visited> {
    const { protocol, port, bindAddress, machineId } = tunnel;
    const dataPath = this.view.dataPath(machineId);
    const problem = edgeProblem(this.rathole);
    const rest = { dataPath, hasAgent: agentAddr !== null, waitingMs, edgeProblem: problem };
    if (protocol === 'udp') {
      const bound = (await BoundPorts.read('udp')).has(bindAddress, port);
      return { verdict: udpVerdict(tunnel, rest, bound), legs: legsOf(null, null), totalMs: null };
    }
    const outcome = await visitTunnel(tunnel);
    const isAsked = agentAddr !== null && needsReason(tunnel, outcome);
    const target = isAsked ? await this.ask(tunnel, agentAddr) : null;
    const isPushing = this.view.revision(machineId)?.state === 'pushing';
    const verdict = tcpVerdict(tunnel, { ...rest, outcome, target, isPushing });
    return { verdict, legs: legsOf(target, null), totalMs: totalOf(outcome) };
  }

  private async ask(tunnel: Tunnel, agentAddr: string): Promise<TargetCheck | null> {
    const { targets } = await this.look.ask({ id: tunnel.machineId, agentAddr }, [tunnel]);
    return targets.get(tunnel.id) ?? null;
  }
}

/** Someone took the visitor's connection, and it did not serve him. */
function needsReason({ speaks }: Tunnel, outcome: Visit): boolean {
  if (outcome.met === 'bytes') return !outcome.speaks;
  return outcome.met === 'end' || (outcome.met === 'silence' && speaks !== null);
}
