import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectRepository } from '@nestjs/typeorm';
import { Subject, type Subscription } from 'rxjs';
import { In, Not, Repository } from 'typeorm';
import { EdgeId, EdgeView, forEachLimit, MachineEvents, MachineService } from '@gopher/machine';
import { ConfigPusher } from '../edge/config-pusher.js';
import { serviceNames } from '../edge/edge-files.js';
import { RatholeServer } from '../edge/rathole/rathole-server.js';
import { Tunnel, type TunnelState } from '../tunnel/tunnel.entity.js';
import { BoundPorts } from './bound-ports.js';
import { reachable } from './reachable.js';
import { notServed, retryAfterMs, tcpVerdict, udpVerdict, type Verdict } from './tunnel-verdict.js';
import { visitTcp } from './visit-tcp.js';

const LOOK_INTERVAL_MS = 1_000;
const PORTS_INTERVAL_MS = 5_000;
const MAX_CONCURRENT_PROBES = 50;
const QUIET_MS = 1_000;
const CONNECT_TIMEOUT_MS = 3_000;

interface Attempt {
  version: number;
  count: number;
  since: number;
  nextAt: number;
}

/** One visit of a tunnel. */
interface Probed {
  result: { outcome: 'passed' | 'failed' | 'unverified' };
  /** What it took; null: not measured. */
  totalMs: number | null;
}

const OUTCOMES = { active: 'passed', failed: 'failed', pending: 'unverified' } as const;

/**
 * The one writer of a tunnel's state. It visits tunnels that are not up as a visitor would; one that
 * is up is not visited again, for a service may count visitors that say nothing as an attack. What
 * can be seen without a visit is: that its port is closed, which a rathole with Gopher's patches does
 * when the machine's client is gone.
 */
@Injectable()
export class TunnelProber implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly changed = new Subject<{ tunnelId: string; machineId: string; verdict: Verdict }>();
  readonly probed = new Subject<Probed>();

  private readonly logger = new Logger(TunnelProber.name);
  private readonly attempts = new Map<string, Attempt>();
  private readonly targetProblems = new Map<string, string>();
  /** Ids of tunnels whose port was closed at the last look, and what state they were in then. */
  private closed: ReadonlyMap<string, TunnelState> = new Map();
  private lookingAtPorts = false;
  private readonly subscriptions: Subscription[] = [];
  private looking = false;
  private again = false;

  constructor(
    @InjectRepository(Tunnel) private readonly tunnels: Repository<Tunnel>,
    private readonly machines: MachineService,
    private readonly view: EdgeView,
    private readonly pusher: ConfigPusher,
    private readonly events: MachineEvents,
    private readonly edge: EdgeId,
    private readonly rathole: RatholeServer,
  ) {}

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.pusher.applied.subscribe(({ targets }) => {
        for (const { service, accepts, detail } of targets) {
          if (accepts) this.targetProblems.delete(service);
          else this.targetProblems.set(service, detail);
        }
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

  /**
   * A tunnel that was up and whose port is closed twice in a row is not up: its machine's client is
   * away. One whose port opens again is visited at once.
   */
  @Interval(PORTS_INTERVAL_MS)
  async lookAtPorts(): Promise<void> {
    if (this.lookingAtPorts) return;
    this.lookingAtPorts = true;
    try {
      await this.compareWithPorts();
    } catch (error) {
      this.logger.warn(`The ports could not be looked at: ${String(error)}`);
    } finally {
      this.lookingAtPorts = false;
    }
  }

  private async compareWithPorts(): Promise<void> {
    const edgeProblem = this.edgeProblem();
    if (edgeProblem === null && !this.rathole.has('revocation')) return;
    const tunnels = await this.tunnels.findBy({ edgeId: this.edge.value });
    const bound = { tcp: await BoundPorts.read('tcp'), udp: await BoundPorts.read('udp') };
    const before = this.closed;
    const closed = tunnels.filter(
      ({ protocol, bindAddress, port }) => !bound[protocol].has(bindAddress, port),
    );
    this.closed = new Map(closed.map(({ id, state }) => [id, state]));
    for (const tunnel of closed) {
      const isClosedForLong = tunnel.state === 'active' && before.get(tunnel.id) === 'active';
      if (isClosedForLong) await this.write(tunnel, notServed(tunnel, edgeProblem));
    }
    const opened = tunnels.filter(({ id }) => before.has(id) && !this.closed.has(id));
    for (const { id } of opened) this.attempts.delete(id);
    if (opened.length > 0) void this.look();
  }

  /** Without rathole no tunnel serves, and no machine is to blame. null: it runs. */
  private edgeProblem(): string | null {
    const { state, problem } = this.rathole.status();
    if (state === 'running') return null;
    return `rathole does not run on the edge: ${problem ?? state}`;
  }

  private async probeDue(): Promise<void> {
    const withdrawn = this.pusher.withdrawn();
    const edgeId = this.edge.value;
    const tunnels = await this.tunnels.findBy([
      { edgeId, state: Not('active') },
      { edgeId, id: In([...withdrawn.keys()]) },
    ]);
    this.forgetGone(new Set(tunnels.map(({ id }) => id)));
    for (const tunnel of tunnels) {
      const reason = withdrawn.get(tunnel.id);
      if (reason !== undefined) await this.withdraw(tunnel, reason);
    }
    const due = tunnels.filter(
      (tunnel) => !withdrawn.has(tunnel.id) && this.attempt(tunnel).nextAt <= Date.now(),
    );
    if (due.length === 0) return;
    const machines = await this.machines.findByIds(due.map(({ machineId }) => machineId));
    const withAgent = new Set(machines.filter((m) => m.agentAddr !== null).map(({ id }) => id));
    await forEachLimit(due, MAX_CONCURRENT_PROBES, async (tunnel) => {
      try {
        await this.probe(tunnel, withAgent.has(tunnel.machineId));
      } catch (error) {
        this.logger.warn(`Tunnel ${tunnel.id} could not be probed: ${String(error)}`);
      }
    });
  }

  /** No visit could tell: it may still lead to where it led before. */
  private async withdraw(tunnel: Tunnel, reason: string): Promise<void> {
    this.attempts.delete(tunnel.id);
    if (tunnel.state === 'failed' && tunnel.reason === reason) return;
    await this.write(tunnel, { state: 'failed', leg: 'rathole→machine', reason });
  }

  private async probe(tunnel: Tunnel, hasAgent: boolean): Promise<void> {
    const attempt = this.attempt(tunnel);
    const begun = performance.now();
    const verdict = await this.verdictOn(tunnel, hasAgent, Date.now() - attempt.since);
    const totalMs = verdict.state === 'active' ? performance.now() - begun : null;
    this.probed.next({ result: { outcome: OUTCOMES[verdict.state] }, totalMs });
    attempt.count += 1;
    attempt.nextAt = Date.now() + retryAfterMs(verdict, attempt.count);
    const same =
      tunnel.state === verdict.state && 'reason' in verdict && tunnel.reason === verdict.reason;
    if (!same) await this.write(tunnel, verdict);
  }

  private async verdictOn(tunnel: Tunnel, hasAgent: boolean, waitingMs: number): Promise<Verdict> {
    const { protocol, port, bindAddress, machineId } = tunnel;
    const dataPath = this.view.dataPath(machineId);
    const rest = { dataPath, hasAgent, waitingMs, edgeProblem: this.edgeProblem() };
    if (protocol === 'udp') {
      const bound = (await BoundPorts.read('udp')).has(bindAddress, port);
      return udpVerdict(tunnel, rest, bound);
    }
    const outcome = await visitTcp({
      host: reachable(bindAddress),
      port,
      quietMs: QUIET_MS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    });
    const targetProblem = this.targetProblems.get(serviceNames.tunnel(tunnel.id)) ?? null;
    return tcpVerdict(tunnel, { ...rest, outcome, targetProblem });
  }

  /** Guarded by the version: a finding about an old target says nothing of the new one. */
  private async write(tunnel: Tunnel, verdict: Verdict): Promise<void> {
    const { affected } = await this.tunnels.update(
      { id: tunnel.id, version: tunnel.version, state: tunnel.state },
      {
        state: verdict.state,
        leg: verdict.state === 'failed' ? verdict.leg : null,
        reason: verdict.state === 'active' ? null : verdict.reason,
        proof: verdict.state === 'active' ? verdict.proof : null,
        probedAt: new Date(),
      },
    );
    if (affected === 0) return;
    const { id, machineId } = tunnel;
    this.logger.log(
      `Tunnel ${id} is ${verdict.state}${'reason' in verdict ? `: ${verdict.reason}` : ''}`,
    );
    this.changed.next({ tunnelId: id, machineId, verdict });
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
