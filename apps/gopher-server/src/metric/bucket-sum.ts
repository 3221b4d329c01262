import type { HostMetrics, HostSample } from '@gopher/machine';

/** What a row says of the samples of its stretch of time. */
interface Figures {
  samples: number;
  cpuAvg: number | null;
  cpuMax: number | null;
  memoryUsedAvg: number | null;
  memoryUsedMax: number | null;
  last: HostSample;
}

/** The samples of one host in one stretch of time. */
export class BucketSum {
  private readonly cpu = new Spread();
  private readonly memoryUsed = new Spread();
  private samples = 0;
  private last: HostMetrics;

  constructor(
    readonly bucketMs: number,
    first: HostMetrics,
  ) {
    this.last = first;
    this.add(first);
  }

  add(metrics: HostMetrics): void {
    this.samples += 1;
    this.last = metrics;
    const { cpuUsage, memoryTotalBytes: total, memoryAvailableBytes: available } = metrics;
    this.cpu.add(cpuUsage);
    this.memoryUsed.add(total === null || available === null ? null : total - available);
  }

  figures(): Figures {
    const { samples, cpu, memoryUsed } = this;
    return {
      samples,
      cpuAvg: cpu.average,
      cpuMax: cpu.most,
      memoryUsedAvg: memoryUsed.average,
      memoryUsedMax: memoryUsed.most,
      last: withoutRates(this.last),
    };
  }
}

/** Rates follow from the counters of two rows; those of a second say nothing of a longer time. */
function withoutRates({ interfaces, ...sample }: HostMetrics): HostSample {
  return {
    ...sample,
    interfaces: interfaces.map(
      ({ receivedBytesPerSecond: _in, sentBytesPerSecond: _out, ...counts }) => counts,
    ),
  };
}

class Spread {
  most: number | null = null;
  private sum = 0;
  private count = 0;

  get average(): number | null {
    return this.count === 0 ? null : this.sum / this.count;
  }

  add(value: number | null): void {
    if (value === null) return;
    this.sum += value;
    this.count += 1;
    this.most = Math.max(this.most ?? value, value);
  }
}
