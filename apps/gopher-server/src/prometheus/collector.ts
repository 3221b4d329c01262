import { Gauge, Registry } from 'prom-client';

/** All that /metrics shows. */
export class MetricsRegistry extends Registry {}

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
    (labelNames.length > 0 ? this.labelled : this.plain).push(gauge as Gauge);
    return gauge;
  }
}
