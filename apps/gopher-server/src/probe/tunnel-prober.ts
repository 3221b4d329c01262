import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectRepository } from '@nestjs/typeorm';
import type { Subscription } from 'rxjs';
import { In, Not, Repository } from 'typeorm';
import { EdgeId, forEachLimit, MachineEvents } from '@gopher/machine';
import { ConfigPusher } from '../edge/config-pusher.js';
import { Tunnel } from '../tunnel/tunnel.entity.js';
import { ProbeLog } from './probe-log.js';
import type { ProbeResult } from './probe.js';
import { TunnelStates } from './tunnel-states.js';
import { retryAfterMs, type Verdict } from './tunnel-verdict.js';
import { TunnelVisitor, type Visited } from './tunnel-visitor.js';

const LOOK_INTERVAL_MS = 1_000;
const MAX_CONCURRENT_PROBES = 50;

interface Attempt {
  version: number;
  count: number;
  since: number;
  nextAt: number;
}

/** Visits the tunnels that are not up, quickly at first, until they are. */
@Injectable()
export class TunnelProber implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(TunnelProber.name);
  private readonly attempts = new Map<string, Attempt>();
  private readonly subscriptions: Subscription[] = [];
  private looking = false;
  private again = false;

  constructor(
    @InjectRepository(Tunnel) private readonly tunnels: Repository<Tunnel>,
    private readonly pusher: ConfigPusher,
    private readonly events: MachineEvents,
    private readonly edge: EdgeId,
    private readonly visitor: TunnelVisitor,
    private readonly states: TunnelStates,
    private readonly log: ProbeLog,
  ) {}

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.pusher.applied.subscribe(() => {
        this.attempts.clear();
        void this.look();
      }),
      this.events.changed.subscribe(() => void this.look()),
    );
  }

  onApplicationShutdown(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }

  /** Looks at every tunnel that is not up and whose turn it is. */
  @Interval(LOOK_INTERVAL_MS)
  async look(): Promise<void> {
    this.again = true;
    if (this.looking) return;
    this.looking = true;
    try {
      while (this.again) {
        this.again = false;
        await this.probeDue();
      }
    } catch (error) {
      this.logger.warn(`Tunnels could not be looked at: ${String(error)}`);
    } finally {
      this.looking = false;
    }
  }

  /** Visits these at once. */
  async revisit(tunnelIds: Iterable<string>): Promise<void> {
    for (const id of tunnelIds) this.attempts.delete(id);
    await this.look();
  }

  private async probeDue(): Promise<void> {
    const withdrawn = this.pusher.withdrawn();
    const edgeId = this.edge.value;
    const tunnels = await this.tunnels.find({
      where: [
        { edgeId, state: Not('active') },
        { edgeId, id: In([...withdrawn.keys()]) },
      ],
      relations: { machine: true },
    });
    this.forgetGone(new Set(tunnels.map(({ id }) => id)));
    for (const tunnel of tunnels) {
      const reason = withdrawn.get(tunnel.id);
      if (reason !== undefined) await this.withdraw(tunnel, reason);
    }
    const due = tunnels.filter(
      (tunnel) => !withdrawn.has(tunnel.id) && this.attempt(tunnel).nextAt <= Date.now(),
    );
    await forEachLimit(due, MAX_CONCURRENT_PROBES, async (tunnel) => {
      try {
        await this.probe(tunnel);
      } catch (error) {
        this.logger.warn(`Tunnel ${tunnel.id} could not be probed: ${String(error)}`);
      }
    });
  }

  /** No visit could tell: it may still lead to where it led before. */
  private async withdraw(tunnel: Tunnel, reason: string): Promise<void> {
    this.attempts.delete(tunnel.id);
    if (tunnel.state === 'failed' && tunnel.reason === reason) return;
    await this.states.write(tunnel, { state: 'failed', leg: 'rathole→machine', reason });
  }

  private async probe(tunnel: Tunnel): Promise<void> {
    const attempt = this.attempt(tunnel);
    const agentAddr = tunnel.machine?.agentAddr ?? null;
    const visited = await this.visitor.visit(tunnel, agentAddr, Date.now() - attempt.since);
    const { verdict } = visited;
    attempt.count += 1;
    attempt.nextAt = Date.now() + retryAfterMs(verdict, attempt.count);
    const same =
      tunnel.state === verdict.state && 'reason' in verdict && tunnel.reason === verdict.reason;
    if (!same) await this.states.write(tunnel, verdict);
    this.note(tunnel, visited);
  }

  private note({ id, machineId, version }: Tunnel, { verdict, legs, totalMs }: Visited): void {
    const result = resultOf(verdict);
    if (!result) return;
    this.log.note({ tunnelId: id, machineId, version, at: new Date(), result, legs, totalMs });
  }

  private attempt({ id, version }: Tunnel): Attempt {
    const known = this.attempts.get(id);
    if (known?.version === version) return known;
    const now = Date.now();
    const fresh: Attempt = { version, count: 0, since: now, nextAt: now };
    this.attempts.set(id, fresh);
    return fresh;
  }

  private forgetGone(ids: ReadonlySet<string>): void {
    for (const id of this.attempts.keys()) if (!ids.has(id)) this.attempts.delete(id);
  }
}

function resultOf(verdict: Verdict): ProbeResult | null {
  if (verdict.state === 'pending') return null;
  if (verdict.state === 'active') return { outcome: 'passed', proof: verdict.proof };
  const { leg, reason } = verdict;
  return { outcome: 'failed', leg, reason };
}
