import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '../../../test/product/until.js';
import { EdgeEvents } from '../src/event/edge-events.js';
import { EventReaders } from './event-readers.js';
import type { ReaderReport } from './event-readers.process.js';
import { TestingServer } from './testing-server.js';

const FAST = 60;
const RELAYED = 20;
const SLOW = 20;
const STALL_MS = 1_000;
const BURST = 20_000;
const PER_SECOND = 4_000;
/** A second of it. */
const MOST_BEHIND = 4_000;
const TICK_MS = 10;
const BIG_EVERY = 100;
const MB = 1024 * 1024;
/** For a machine that has much else to do. */
const PATIENCE_MS = 60_000;
/** What 100 readers of 12 MB each may cost while 20 of them take nothing. */
const MOST_GROWTH_MB = 48;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('100 readers of events, 20 of them slow', { timeout: 3 * PATIENCE_MS }, () => {
  let server: TestingServer;
  let events: EdgeEvents;
  let readers: EventReaders;
  let published = 0;

  beforeEach(async () => {
    server = await TestingServer.start();
    events = server.get(EdgeEvents);
    readers = new EventReaders();
    published = 0;
  });
  afterEach(async () => {
    await readers.stop();
    await server.stop();
  });

  function publish(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const n = published++;
      const text = 'x'.repeat(n % BIG_EVERY === 0 ? 30_000 : 200);
      const sentAt = performance.timeOrigin + performance.now();
      events.publish('events', 'edge', 'burst', { n, sentAt, text });
    }
  }

  /** Readers who have no time to read, on a machine that has much to do, are waited for. */
  async function burst(count: number, perSecond: number): Promise<void> {
    const upTo = published + count;
    let told = 0;
    while (published < upTo) {
      const due = delay(TICK_MS);
      publish(Math.min((perSecond * TICK_MS) / 1_000, upTo - published));
      while (published - told > MOST_BEHIND) told = await readers.ask({ does: 'progress' });
      await due;
    }
  }

  const open = (counts: { fast: number; relayed: number; slow: number }) => {
    const token = server.authorization.authorization.slice('Bearer '.length);
    return readers.ask({ does: 'open', port: server.ports.api, token, ...counts });
  };

  const untilAllIsToldTo = (which: (reader: ReaderReport) => boolean): Promise<ReaderReport[]> => {
    const latencies = new Map<number, number[]>();
    return until(
      'everything was told',
      async () => {
        const reports = await readers.ask<ReaderReport[]>({ does: 'report' });
        reports.forEach((report, i) => {
          report.latencies = [...(latencies.get(i) ?? []), ...report.latencies];
          latencies.set(i, report.latencies);
        });
        const behind = reports.filter(
          (reader) => which(reader) && reader.received + reader.lost !== published,
        );
        if (behind.length === 0) return reports;
        const { received, lost } = behind[0]!;
        throw new Error(`${behind.length} are behind, one has ${received} and lost ${lost}`);
      },
      PATIENCE_MS,
    );
  };

  it('lets the others lose nothing, tells the slow what they lost, and stays small', async () => {
    const socketsBefore = socketCount();
    await open({ fast: FAST, relayed: RELAYED, slow: SLOW });
    expect(events.readerCount).toBe(FAST + RELAYED + SLOW);
    const before = await usedMb();

    await readers.ask({ does: 'stop-reading' });
    const bursting = burst(BURST, PER_SECOND);
    await until('it is under way', () => published > BURST / 4);
    await readers.ask({ does: 'stall', forMs: STALL_MS });
    await bursting;
    const others = (await untilAllIsToldTo(({ slow }) => !slow)).filter(({ slow }) => !slow);
    const during = await usedMb();
    for (const reader of others) {
      expect(reader).toMatchObject({ received: BURST, lost: 0, disorder: '' });
    }
    for (const { latencies } of others.filter(({ relayed }) => relayed)) {
      expect(Math.max(...latencies)).toBeGreaterThan(STALL_MS * 0.9);
    }

    await readers.ask({ does: 'read-on' });
    const slow = (await untilAllIsToldTo(() => true)).filter((reader) => reader.slow);
    expect(slow).toHaveLength(SLOW);
    for (const reader of slow) {
      expect(reader.lost).toBeGreaterThan(0);
      expect(reader.received + reader.lost).toBe(BURST);
      expect(reader.disorder).toBe('');
    }
    expect(events.lost).toBe(slow.reduce((sum, { lost }) => sum + lost, 0));

    await readers.ask({ does: 'leave' });
    await until('every reader has left', () => events.readerCount === 0);
    await until('no socket is left', () => socketCount() <= socketsBefore);
    const after = await usedMb();
    console.log(
      `memory ${before.toFixed(0)} MB before, ${during.toFixed(0)} during, ${after.toFixed(0)} after; ` +
        `a slow reader lost ${slow[0]!.lost} of ${BURST} in ${slow[0]!.losses} gaps`,
    );
    expect(during - before).toBeLessThan(MOST_GROWTH_MB);
    // What stays are the newest events, for readers who come back.
    expect(after - before).toBeLessThan(8);
  });

  it('tells the fast as soon as without the slow', async () => {
    await open({ fast: FAST + RELAYED, relayed: 0, slow: SLOW });
    await burst(2_000, 1_000); // what is compiled late is compiled now
    await untilAllIsToldTo(() => true);
    await burst(2_000, 1_000);
    const alone = latencyOf(await untilAllIsToldTo(() => true));
    await readers.ask({ does: 'stop-reading' });
    await burst(8_000, PER_SECOND); // the kernel takes what it will for those who do not read
    await untilAllIsToldTo(({ slow }) => !slow);
    await burst(2_000, 1_000);
    const beside = latencyOf(await untilAllIsToldTo(({ slow }) => !slow));
    console.log(`published to read: ${text(alone)} without slow readers, ${text(beside)} with`);
    // One that is waited for would cost seconds; the rest is for a machine that has much to do.
    expect(beside.p50).toBeLessThan(alone.p50 * 3 + 250);
    expect(beside.p95).toBeLessThan(alone.p95 * 3 + 500);
  });
});

/** Live objects and buffers of this process, which is the server's. */
async function usedMb(): Promise<number> {
  collectGarbage();
  await delay(100); // buffers are freed by a thread of V8's own
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MB;
}

const socketCount = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

function latencyOf(reports: ReaderReport[]): { p50: number; p95: number } {
  const all = reports
    .filter(({ slow }) => !slow)
    .flatMap(({ latencies }) => latencies)
    .sort((a, b) => a - b);
  const at = (share: number) => all[Math.floor(all.length * share)]!;
  return { p50: at(0.5), p95: at(0.95) };
}

const text = ({ p50, p95 }: { p50: number; p95: number }): string =>
  `p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`;
