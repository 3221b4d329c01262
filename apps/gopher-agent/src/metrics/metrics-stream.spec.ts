import type { MockInstance } from 'vitest';
import { HostMeter } from '@gopher/host';
import type { StreamMetricsResponse } from '@gopher/proto';
import type { RatholeObserver } from '../status/rathole-observer.js';
import { MetricsStream } from './metrics-stream.js';

/** The kernel's own figures, at times of our own. */
describe(MetricsStream.name, () => {
  const noClients = {
    pids: () => ({ control: null, data: null }),
    tunnels: () => [],
  } as unknown as RatholeObserver;
  let read: MockInstance<HostMeter['read']>;
  let metrics: MetricsStream;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const meter = new HostMeter();
    read = vi.spyOn(meter, 'read');
    metrics = new MetricsStream(meter, noClients);
  });
  afterEach(() => void vi.useRealTimers());

  function open(intervalMs: number) {
    const seen: StreamMetricsResponse[] = [];
    const subscription = metrics.open(intervalMs).subscribe((sample) => seen.push(sample));
    return { seen, close: () => subscription.unsubscribe() };
  }

  it('measures at once, then at each interval, and not at all once nobody asks', async () => {
    const [one, other] = [open(2_000), open(5_000)];
    await vi.waitUntil(() => one.seen.length === 1 && other.seen.length === 1);
    expect(vi.getTimerCount()).toBe(2);
    vi.advanceTimersByTime(4_000);
    await vi.waitUntil(() => one.seen.length === 3);
    one.close();
    other.close();
    expect(vi.getTimerCount()).toBe(0);
    const reads = read.mock.calls.length;
    vi.advanceTimersByTime(600_000);
    expect(read.mock.calls.length).toBe(reads);
    expect(other.seen.length).toBe(1);
  });

  it('sends nothing of a measurement that ends after the caller has gone', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const host = await new HostMeter().read();
    read.mockImplementation(() => promise.then(() => host));
    const { seen, close } = open(1_000);
    close();
    resolve();
    await promise;
    await Promise.resolve();
    expect(seen).toEqual([]);
  });

  it('has no share of the processors in a first sample, but that of the agent so far', async () => {
    const { seen, close } = open(1_000);
    await vi.waitUntil(() => seen.length === 1);
    close();
    expect(seen[0]!.coreUsage).toEqual([]);
    expect(seen[0]!.processes).toMatchObject([{ name: 'agent', pid: process.pid }]);
    expect(seen[0]!.processes[0]!.cpuUsage).toBeUndefined();
  });
});
