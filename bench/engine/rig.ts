import { execFileSync } from 'node:child_process';
import { patchLevelOf } from '@gopher/engines';
import { portBlock } from '../../test/product/index.js';
import { BareRathole, type Transport } from '../support/bare-rathole.js';
import { Comparison } from '../support/comparison.js';
import { getRathole } from '../support/get-rathole.js';
import { LoadTarget } from '../support/load.js';
import type { Budget, Scene } from '../support/scene.js';
import type { StrangersRequest } from '../support/strangers.process.js';
import { untilBound } from '../support/visits.js';
import { Worker } from '../support/worker.js';

export const ENGINES = ['released', 'patched'] as const;
type Engine = (typeof ENGINES)[number];

export interface Setup {
  engine: Engine;
  services: number;
  clients?: number;
  /** Without it, the engine's own: 8 of the released one, 2 of the patched one. */
  poolSize?: number;
  /** How many may authenticate at once from one address. */
  perAddress?: number;
  transport?: Transport;
  /** Without it, the rig's own. */
  target?: string;
}

/** Of one block; see `portBlock`. */
const BLOCK_PORTS = 400;
/** For 1,000 services and what goes with them. */
const BLOCKS = 3;
export const LONGEST_MS = 60_000;

/** What the parts of the benchmark have in common: both programs, ports, a target and strangers. */
export class Rig {
  private taken = 0;

  private constructor(
    readonly scene: Scene,
    private readonly programs: Record<Engine, string>,
    private readonly ports: readonly number[],
    readonly target: LoadTarget,
    readonly strangers: Worker<StrangersRequest, null>,
  ) {}

  static async open(scene: Scene): Promise<Rig> {
    const programs = bothPrograms(scene);
    const [targetPort, ...ports] = Array.from({ length: BLOCKS }, portBlock).flatMap(({ api }) =>
      Array.from({ length: BLOCK_PORTS }, (_, i) => api + i),
    );
    const target = await scene.own(
      () => LoadTarget.listen(targetPort!),
      (target) => target.close(),
    );
    const strangers = await Worker.start<StrangersRequest, null>(scene, 'strangers');
    return new Rig(scene, programs, ports, target, strangers);
  }

  /** A server and its clients, for as long as `work` takes. */
  async run<T>(setup: Setup, work: (rathole: BareRathole) => Promise<T>): Promise<T> {
    const rathole = await this.start(setup);
    const result = await work(rathole);
    await rathole.stop();
    return result;
  }

  /** Both engines and neither, on the way to one target. */
  async compare(
    setup: Pick<Setup, 'transport' | 'target'>,
    work: (comparison: Comparison) => Promise<void>,
  ): Promise<void> {
    const released = await this.start({ ...setup, engine: 'released', services: 1 });
    const patched = await this.start({ ...setup, engine: 'patched', services: 1 });
    const ports = [...released.ports, ...patched.ports];
    await untilBound(this.scene, ports, patched.startedAt, LONGEST_MS);
    const direct = setup.target ?? this.target.address;
    const comparison = new Comparison(this.scene, {
      ours: { name: 'patched', address: patched.address, pids: patched.pids },
      theirs: { name: 'released', address: released.address, pids: released.pids },
      direct: { name: 'direct', address: direct, pids: [] },
    });
    await work(comparison);
    await released.stop();
    await patched.stop();
  }

  /** A budget is for the patched one, with the pool that Gopher has. */
  report(
    setup: Omit<Setup, 'services'>,
    metric: string,
    value: number,
    unit: string,
    budget: Budget = {},
  ): void {
    const counts = setup.engine === 'patched' && setup.poolSize === undefined;
    this.scene.report(`${metric}, ${nameOf(setup)}`, value, unit, counts ? budget : {});
  }

  /** The one whose last use is the longest ago. */
  port(): number {
    return this.ports[this.taken++ % this.ports.length]!;
  }

  /** Ends with the scene, if not before. */
  private start(setup: Setup): Promise<BareRathole> {
    const { engine, services, clients, transport, target = this.target.address } = setup;
    return this.scene.own(
      () =>
        BareRathole.start({
          rathole: this.programs[engine],
          controlPort: this.port(),
          ports: Array.from({ length: services }, () => this.port()),
          target,
          transport,
          clients,
          env: environmentOf(setup),
        }),
      (rathole) => rathole.stop(),
    );
  }
}

export function nameOf({ engine, poolSize, perAddress }: Omit<Setup, 'services'>): string {
  const pool = poolSize === undefined ? '' : `, pool ${poolSize}`;
  return `${engine}${pool}${perAddress === undefined ? '' : `, ${perAddress} an address`}`;
}

function environmentOf({ poolSize, perAddress }: Setup): Record<string, string> {
  return {
    ...(poolSize === undefined ? {} : { RATHOLE_POOL_SIZE: String(poolSize) }),
    ...(perAddress === undefined ? {} : { RATHOLE_MAX_PENDING_PER_ADDR: String(perAddress) }),
  };
}

/** @throws when they are not what they are to be */
function bothPrograms(scene: Scene): Record<Engine, string> {
  const programs = { released: getRathole('--released'), patched: process.env.GOPHER_RATHOLE! };
  for (const [engine, path] of Object.entries(programs)) {
    const { version, target } = aboutItself(path);
    scene.note(`${engine}: ${version} for ${target}, ${path}`);
    if (patchLevelOf(version) > 0 === (engine === 'patched')) continue;
    throw new Error(`${path} is not a ${engine} rathole: there is nothing to compare`);
  }
  return programs;
}

function aboutItself(path: string): { version: string; target: string } {
  const text = execFileSync(path, ['--version'], { encoding: 'utf8' });
  const field = (name: string) =>
    new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(text)?.[1] ?? 'unknown';
  return { version: field('Build Version'), target: field('cargo Target Triple') };
}
