import { Counter, Gauge, Registry } from 'prom-client';

/** All that /metrics shows. */
export class MetricsRegistry extends Registry {
  /** A figure that is kept elsewhere and read when it is shown. */
  reading(name: string, help: string, read: () => number | Promise<number>): void {
    const collect = async function (this: Gauge) {
      this.set(await read());
    };
    this.registerMetric(new Gauge({ name, help, registers: [], collect }));
  }

  /** As `reading`, of one that only grows. */
  counting(name: string, help: string, read: () => number): void {
    const collect = function (this: Counter) {
      this.reset();
      this.inc(read());
    };
    this.registerMetric(new Counter({ name, help, registers: [], collect }));
  }
}

/** Gauges that are read together when Prometheus asks. */
export abstract class Collector {
  /** As it is called in gopher_collector_success. */
  abstract readonly name: string;

  private readonly labelled: Gauge[] = [];
  private readonly plain: Gauge[] = [];

  constructor(private readonly registry: MetricsRegistry) {}

  /** Reads anew. @throws when what it reads is away */
  abstract collect(): Promise<void>;

  /** Nothing is shown rather than something old. */
  forget(): void {
    for (const gauge of this.labelled) gauge.reset();
    for (const gauge of this.plain) gauge.remove();
  }

  protected gauge<T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[] = [],
  ): Gauge<T> {
    const gauge = new Gauge({ name, help, labelNames, registers: [this.registry] });
    (labelNames.length > 0 ? this.labelled : this.plain).push(gauge);
    return gauge;
  }
}
