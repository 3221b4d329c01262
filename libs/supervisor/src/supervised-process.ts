import { mkdir } from 'node:fs/promises';
import { adopt, adoptRecorded } from './adoption.js';
import { checkStartable, commandOf, reasonOf, sameWords, stopOrderOf } from './command.js';
import { endProcess } from './end-process.js';
import { describeExit, type Exit } from './exit-watch.js';
import { launch } from './launch.js';
import { rotateLog } from './log-rotation.js';
import { removePidRecord } from './pid-record.js';
import {
  ProcessStartError,
  SupervisorReleasedError,
  UnknownProcessError,
} from './process.errors.js';
import { type ProcessFiles, processFiles } from './process-files.js';
import { RestartTimer } from './restart-timer.js';
import { SerialQueue } from './serial-queue.js';
import type { Supervised, Supervision } from './supervision.js';
import type { ProcessSpec, ProcessStatus } from './supervisor.js';

/** One process by name. Its orders are carried out one after the other. */
export class SupervisedProcess {
  private readonly files: ProcessFiles;
  private readonly queue = new SerialQueue();
  private readonly restartTimer: RestartTimer;
  private spec: ProcessSpec | null = null;
  private current: Supervised | null = null;
  private wanted = false;
  private ending = false;
  private released = false;
  private restarts = 0;
  private lastExit: ProcessStatus['lastExit'] = null;

  constructor(
    private readonly name: string,
    private readonly supervision: Supervision,
  ) {
    this.files = processFiles(supervision.directory, name);
    this.restartTimer = new RestartTimer(supervision.random, () => {
      const again = this.queue.run(() => this.startAgain());
      again.catch((error: unknown) => supervision.log.warn(reasonOf(error)));
    });
  }

  start(spec: ProcessSpec): Promise<ProcessStatus> {
    return this.order(async () => {
      this.spec = spec;
      if (!this.current) await this.begin(spec, adopt);
      this.changed();
      return this.status();
    });
  }

  restart(): Promise<ProcessStatus> {
    return this.order(async () => {
      const { spec } = this;
      if (!spec) throw new UnknownProcessError(this.name);
      // So as not to lose the old process to a new one that has no chance.
      await checkStartable(spec);
      await this.end();
      this.restartTimer.forget();
      await this.begin(spec);
      return this.status();
    });
  }

  stop(): Promise<void> {
    return this.order(async () => {
      this.wanted = false;
      this.restartTimer.cancel();
      // This may be the first order of all, for what a former supervisor left running.
      if (!this.spec && !this.current)
        this.attach(await adoptRecorded(this.name, this.supervision));
      await this.end();
      await removePidRecord(this.files.pid, this.supervision.log);
      this.changed();
    });
  }

  /** @throws UnknownProcessError */
  status(): ProcessStatus {
    if (!this.spec) throw new UnknownProcessError(this.name);
    const record = this.current?.record ?? null;
    const { nextStartAt } = this.restartTimer;
    const idle = nextStartAt === null ? 'stopped' : 'backing-off';
    return {
      name: this.name,
      state: record === null ? idle : 'running',
      pid: record?.pid ?? null,
      startedAt: record?.startedAt ?? null,
      adopted: this.current?.adopted ?? false,
      restartNeeded: record !== null && !sameWords(record.command, commandOf(this.spec)),
      restarts: this.restarts,
      lastExit: this.lastExit,
      nextStartAt,
    };
  }

  /** What has to be looked at now and then. */
  async tidy(): Promise<void> {
    this.current?.watch.check();
    await this.queue.run(() => this.capLog());
  }

  async release(): Promise<void> {
    this.released = true;
    this.restartTimer.cancel();
    await this.queue.idle();
    this.current?.watch.close();
  }

  private order<T>(work: () => Promise<T>): Promise<T> {
    return this.queue.run(() => {
      if (this.released) throw new SupervisorReleasedError();
      return work();
    });
  }

  private async startAgain(): Promise<void> {
    if (!this.spec || !this.wanted || this.current || this.released) return;
    this.restarts += 1;
    await this.begin(this.spec, adopt);
  }

  /** A failure leaves a process wanted that was wanted before: it is tried again. */
  private async begin(spec: ProcessSpec, find?: typeof adopt): Promise<void> {
    try {
      await mkdir(this.supervision.directory, { recursive: true, mode: 0o700 });
      await this.capLog();
      this.attach((await find?.(spec, this.supervision)) ?? (await launch(spec, this.supervision)));
      this.wanted = true;
      this.restartTimer.cancel();
    } catch (error) {
      this.dropClaims();
      if (error instanceof ProcessStartError && error.exit) this.noteExit(error.exit);
      this.scheduleRestart(0);
      throw error;
    } finally {
      this.changed();
    }
  }

  private attach(supervised: Supervised | null): void {
    this.current = supervised;
    if (!supervised) return;
    const how = supervised.adopted ? 'runs and was adopted' : 'was started';
    this.supervision.log.log(`${this.name} (pid ${supervised.record.pid}) ${how}`);
    const since = performance.now();
    void supervised.watch.exited.then((exit) => this.onExit(exit, performance.now() - since));
  }

  private onExit(exit: Exit, ranMs: number): void {
    const pid = this.current?.record.pid;
    this.current = null;
    this.dropClaims();
    this.noteExit(exit);
    if (!this.ending) {
      this.supervision.log.warn(`${this.name} (pid ${pid}) ended ${describeExit(exit)}`);
      this.scheduleRestart(ranMs);
    }
    this.changed();
  }

  private scheduleRestart(ranMs: number): void {
    this.restartTimer.cancel();
    if (!this.wanted || this.released || this.spec?.restart === false) return;
    this.restartTimer.schedule(ranMs);
  }

  private async end(): Promise<void> {
    if (!this.current) return;
    this.ending = true;
    try {
      const order = this.spec ? stopOrderOf(this.spec) : this.current.record.stop;
      await endProcess(this.name, this.current, order);
    } finally {
      this.ending = false;
    }
  }

  private async capLog(): Promise<void> {
    if (this.released) return;
    await rotateLog(this.files.log, this.supervision.logMaxBytes).catch((error: unknown) => {
      this.supervision.log.warn(`The log of ${this.name} was cut: ${reasonOf(error)}`);
    });
  }

  private noteExit(exit: Exit): void {
    this.lastExit = { at: new Date(), ...exit };
  }

  private dropClaims(): void {
    const { claims } = this.supervision;
    for (const [pid, name] of claims) if (name === this.name) claims.delete(pid);
  }

  private changed(): void {
    if (this.spec) this.supervision.changed(this.status());
  }
}
