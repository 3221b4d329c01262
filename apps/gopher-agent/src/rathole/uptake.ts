import { type RatholeClientConfig, type RatholeClientService } from '@gopher/rathole';
import { utimes } from 'node:fs/promises';
import type { RatholeClients } from './rathole-clients.js';
import type { TunnelLog } from './tunnel-log.js';

/** The kernel may drop a watch, and a process that died writes nothing. */
const LOOK_EVERY_MS = 100;
/** After rathole began to read a file, and before it says that it refused it. */
const SETTLE_MS = 100;
/** One that was just starting when the file was replaced never heard of it. */
const POKE_EVERY_MS = 1_000;

/** Why a file was not taken. */
export interface Refusal {
  reason: string;
  /** It would not be taken another time either: the cause is in the file. */
  isLasting: boolean;
}

/** What an edge answers to a service that it does not have, or to another token. */
const REFUSED_BY_EDGE = /authentication failed|not exist/i;

/** How the data client was before its file was replaced. */
export interface Before {
  pid: number | null;
  restarts: number;
  reads: number;
  complaints: number;
  /** When rathole refused a file last, by its own clock: only ever compared for being another. */
  refusedAt: number | null;
  /** By service: when it was taken up as it is. Compared as `refusedAt` is. */
  startedAt: ReadonlyMap<string, number>;
  established: readonly string[];
}

export interface Expected {
  /** Started and established anew since then: an older channel outlives any change and proves nothing. */
  anew: readonly string[];
  /** Were known to rathole, and are not any more: that it drops them proves as much. */
  gone: readonly string[];
  /** Established, since whenever. */
  up: readonly string[];
  /** Nothing can be reached in the old way any more: more than services has changed. */
  isTransport: boolean;
}

interface Watch {
  before: Before;
  expected: Expected;
  withinMs: number;
  beganAt: number;
  readAt: number | null;
  pokedAt: number;
}

/** Whether the data client takes the file that was put before it. */
export class Uptake {
  constructor(
    private readonly clients: RatholeClients,
    private readonly log: TunnelLog,
    private readonly file: string,
  ) {}

  /** False: rathole writes elsewhere, and nothing can be told of it. */
  get isTold(): boolean {
    return this.log.isTold;
  }

  /** To be called before the file is replaced. */
  look(): Before {
    this.log.look();
    const status = this.clients.status('data');
    const services = this.log.services();
    return {
      pid: status?.pid ?? null,
      restarts: status?.restarts ?? 0,
      reads: this.log.reads,
      complaints: this.log.complaintCount,
      refusedAt: this.refusedAt(),
      startedAt: new Map(services.map(({ name, startedAt }) => [name, startedAt.getTime()])),
      established: services.filter(({ state }) => state === 'established').map(({ name }) => name),
    };
  }

  /**
   * Resolves as soon as it is known: with why the file was not taken, in rathole's own words where
   * it has any; null when it was taken, and when the signal came first.
   */
  async refusal(
    before: Before,
    expected: Expected,
    withinMs: number,
    signal?: AbortSignal,
  ): Promise<Refusal | null> {
    const now = performance.now();
    const watch: Watch = { before, expected, withinMs, beganAt: now, readAt: null, pokedAt: now };
    for (;;) {
      const verdict = signal?.aborted ? null : this.verdict(watch);
      if (verdict !== undefined) return verdict;
      await this.pokeIfUnread(watch);
      await this.nextChange(signal);
    }
  }

  /** Resolves when rathole has seen the file that was put there, or will not. */
  async untilRead(before: Before, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!this.hasRead(before) && performance.now() < deadline) await this.nextChange();
  }

  /** undefined: it is not known yet. */
  private verdict(watch: Watch): Refusal | null | undefined {
    const { before, expected, withinMs, beganAt } = watch;
    const now = performance.now();
    const refused = this.wordsAgainst(before);
    if (refused) return refused;
    if (this.hasRead(before)) watch.readAt ??= now;
    const missing = this.missing(before, expected);
    if (missing.length === 0 && this.isSettled(watch, now)) return null;
    return now - beganAt < withinMs ? undefined : this.complaint(missing, watch);
  }

  /** It has read the file, and would have said by now that it refuses it. */
  private isSettled({ expected, readAt }: Watch, now: number): boolean {
    if (readAt === null) return false;
    return expected.anew.length + expected.gone.length > 0 || now - readAt >= SETTLE_MS;
  }

  private async pokeIfUnread(watch: Watch): Promise<void> {
    const now = performance.now();
    if (watch.readAt !== null || now - watch.pokedAt < POKE_EVERY_MS) return;
    watch.pokedAt = now;
    await this.poke();
  }

  private hasRead(before: Before): boolean {
    this.log.look();
    return this.log.reads > before.reads || this.clients.status('data')?.pid !== before.pid;
  }

  private wordsAgainst(before: Before): Refusal | null {
    this.log.look();
    if (this.hasDied(before)) {
      const words = this.log.complaintsSince(before.complaints).join(' ');
      const reason = `rathole ended over it${words ? `: ${words}` : ''}`;
      return { reason, isLasting: this.hasGivenUp() };
    }
    const refusal = this.log.refusal();
    if (!refusal || this.refusedAt() === before.refusedAt) return null;
    return { reason: `rathole refused it: ${refusal.reason}`, isLasting: true };
  }

  /** It ended by itself since then. */
  private hasDied(before: Before): boolean {
    const status = this.clients.status('data');
    if (before.pid === null || !status) return false;
    return status.state === 'backing-off' || status.restarts > before.restarts;
  }

  /** By itself, as by a panic: not by somebody's signal, nor for want of memory. */
  private hasGivenUp(): boolean {
    const exit = this.clients.status('data')?.lastExit;
    return exit?.signal === 'SIGABRT' || Boolean(exit?.code);
  }

  private missing({ startedAt }: Before, { anew, gone, up }: Expected): string[] {
    const known = new Map(this.log.services().map((service) => [service.name, service]));
    const isUp = (name: string) => known.get(name)?.state === 'established';
    const isNew = (name: string) =>
      known.get(name)?.startedAt.getTime() !== startedAt.get(name) && isUp(name);
    return [
      ...anew.filter((name) => !isNew(name)),
      ...gone.filter((name) => known.has(name)),
      ...up.filter((name) => !isUp(name)),
    ];
  }

  private complaint(
    [first, ...more]: string[],
    { expected, withinMs }: Pick<Watch, 'expected' | 'withinMs'>,
  ): Refusal {
    const within = `within ${withinMs / 1_000} s`;
    const isLasting = expected.isTransport;
    if (first === undefined) return { reason: `rathole did not read it ${within}`, isLasting };
    const problem = this.log.services().find(({ name }) => name === first)?.problem;
    const isKept = expected.gone.includes(first);
    const others = more.length > 0 ? ` and ${more.length} more` : '';
    const why = problem ? `: ${problem}` : '';
    if (isKept) {
      return {
        reason: `rathole did not let go of the service "${first}"${others} ${within}`,
        isLasting,
      };
    }
    return {
      reason: `the service "${first}"${others} did not reach the edge ${within}${why}`,
      isLasting: isLasting || REFUSED_BY_EDGE.test(problem ?? ''),
    };
  }

  private refusedAt(): number | null {
    return this.log.refusal()?.at.getTime() ?? null;
  }

  /** To rathole a change of the times is one of the file. */
  private async poke(): Promise<void> {
    const now = new Date();
    await utimes(this.file, now, now).catch(() => {});
  }

  private async nextChange(signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const timer = setTimeout(wake, LOOK_EVERY_MS);
    const ends = [this.log.onChange(wake), this.clients.onChange(wake)];
    signal?.addEventListener('abort', wake);
    await promise;
    clearTimeout(timer);
    signal?.removeEventListener('abort', wake);
    ends.forEach((end) => end());
  }
}

/** Names of the services that rathole starts anew when it goes from one configuration to the other. */
export function startedAnew(
  before: RatholeClientConfig,
  after: RatholeClientConfig,
): readonly string[] {
  const names = after.services.map(({ name }) => name);
  if (!isSameBesideServices(before, after)) return names;
  const known = new Map(before.services.map((service) => [service.name, service]));
  return after.services
    .filter((service) => !isSameService(known.get(service.name), service))
    .map(({ name }) => name);
}

const BESIDE_SERVICES = [
  'remoteAddr',
  'remotePublicKey',
  'heartbeatTimeoutS',
  'retryIntervalS',
] as const;

export const isSameBesideServices = (a: RatholeClientConfig, b: RatholeClientConfig): boolean =>
  BESIDE_SERVICES.every((key) => a[key] === b[key]);

const isSameService = (a: RatholeClientService | undefined, b: RatholeClientService): boolean =>
  a?.type === b.type && a.token === b.token && a.localAddr === b.localAddr;
