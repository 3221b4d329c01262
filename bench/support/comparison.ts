import { Conversation, type Message, newConnection } from './load.js';
import { cpuMsOf } from './proc.js';
import type { Scene } from './scene.js';
import { median, percentile } from './statistics.js';

/** What is lost has to be less than what differs from run to run. */
export const RATIO = 0.97;
export const MORE_THAN_DIRECT_MS = 2;

/** How a kernel acknowledges differs from connection to connection. */
const TALKING = 4;
/** So that each of them has been used. */
const WARM_UP = TALKING;

const ROLES = ['ours', 'theirs', 'direct'] as const;
type Role = (typeof ROLES)[number];
type Figures = Record<Role, number[]>;

export interface Way {
  /** What the figures call it. */
  name: string;
  address: string;
  /** The processes of rathole on it. */
  pids: readonly number[];
}

export interface Limits {
  /** Of the speed of ours ÷ theirs. */
  ratio?: number;
  moreThanDirectMs?: number;
}

/** The same load over three ways that take turns. */
export class Comparison {
  constructor(
    private readonly scene: Scene,
    private readonly ways: Record<Role, Way>,
  ) {}

  async transfers(
    metric: string,
    rounds: number,
    transfer: (address: string) => Promise<number>,
  ): Promise<void> {
    const cpuMs: Figures = { ours: [], theirs: [], direct: [] };
    const rates = await this.inTurns(rounds, async (role) => {
      const { address, pids } = this.ways[role];
      const before = cpuMsOfAll(pids);
      const rate = await transfer(address);
      cpuMs[role].push(cpuMsOfAll(pids) - before);
      return rate;
    });
    const { ours, theirs } = this.ways;
    const neighbours = rates.ours.map((rate, i) => rate / rates.theirs[i]!);
    const name = `${metric}, ${ours.name} ÷ ${theirs.name}`;
    this.scene.report(`${name}, median`, median(neighbours), 'ratio', { atLeast: RATIO });
    this.scene.report(`${name}, lower quartile`, percentile(neighbours, 0.25), 'ratio');
    this.scene.report(`${name}, upper quartile`, percentile(neighbours, 0.75), 'ratio');
    const cpuRatio = median(cpuMs.theirs) / median(cpuMs.ours);
    this.scene.report(
      `${metric}, CPU of rathole, ${theirs.name} ÷ ${ours.name}`,
      cpuRatio,
      'ratio',
    );
    for (const role of ROLES) {
      this.scene.report(`${metric}, ${this.ways[role].name}`, median(rates[role]), 'MB/s');
    }
  }

  async connections(metric: string, rounds: number, limits: Limits = {}): Promise<void> {
    const ms = await this.inTurns(rounds, (role) => newConnection(this.ways[role].address));
    this.reportLatency(metric, ms, limits);
  }

  async messages(metric: string, rounds: number, message: Message): Promise<void> {
    const ms = await this.talk(
      rounds,
      (address) => Conversation.open(address, message),
      (conversation) => conversation.roundTrip(),
    );
    this.reportLatency(metric, ms, { moreThanDirectMs: MORE_THAN_DIRECT_MS });
  }

  /** On connections that stay open; of each way there are some, which take turns as well. */
  async talk<C extends { close(): void }>(
    rounds: number,
    open: (address: string) => C | Promise<C>,
    say: (connection: C) => Promise<number>,
  ): Promise<Figures> {
    const openSome = ({ address }: Way) =>
      Promise.all(
        Array.from({ length: TALKING }, () =>
          this.scene.own(
            () => open(address),
            (connection) => connection.close(),
          ),
        ),
      );
    const connections: Record<Role, C[]> = {
      ours: await openSome(this.ways.ours),
      theirs: await openSome(this.ways.theirs),
      direct: await openSome(this.ways.direct),
    };
    let turn = 0;
    const ms = await this.inTurns(rounds, (role) =>
      say(connections[role][Math.floor(turn++ / ROLES.length) % TALKING]!),
    );
    for (const connection of Object.values(connections).flat()) connection.close();
    return ms;
  }

  /** As ratios of speed: above 1 says that ours was quicker. */
  reportLatency(metric: string, ms: Figures, { ratio, moreThanDirectMs }: Limits): void {
    const { ours, theirs } = this.ways;
    const at = (role: Role, share: number) => percentile(ms[role], share);
    const ratioAt = (share: number) => at('theirs', share) / at('ours', share);
    const name = `${metric}, ${theirs.name} ÷ ${ours.name}`;
    this.scene.report(`${name}, p50`, ratioAt(0.5), 'ratio', { atLeast: ratio });
    this.scene.report(`${name}, p99`, ratioAt(0.99), 'ratio');
    for (const role of ROLES) {
      this.scene.report(`${metric}, ${this.ways[role].name}, p50`, at(role, 0.5), 'ms');
      this.scene.report(`${metric}, ${this.ways[role].name}, p99`, at(role, 0.99), 'ms');
    }
    const more = at('ours', 0.5) - at('direct', 0.5);
    this.scene.report(`${metric}, more than direct, p50`, more, 'ms', { atMost: moreThanDirectMs });
  }

  /** Who goes before whom makes a difference: every order comes equally often. */
  private async inTurns(
    rounds: number,
    measure: (role: Role) => Promise<number>,
  ): Promise<Figures> {
    const figures: Figures = { ours: [], theirs: [], direct: [] };
    for (let round = -WARM_UP; round < rounds; round += 1) {
      this.scene.goOn();
      const turn = round + WARM_UP;
      const first = turn % ROLES.length;
      const order = [...ROLES.slice(first), ...ROLES.slice(0, first)];
      for (const role of turn % 2 === 0 ? order : order.reverse()) {
        const figure = await measure(role);
        if (round >= 0) figures[role].push(figure);
      }
    }
    return figures;
  }
}

const cpuMsOfAll = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
