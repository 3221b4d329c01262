import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../../test/product/index.js';
import { flatness } from './flatness.js';
import { type Reading, readProcess } from './process-reading.js';
import { Soak } from './soak.js';
import { boundOf, HANDLES } from './soak-bounds.js';

const MINUTES = Number(process.env.GOPHER_SOAK_MINUTES ?? 30);
const SAMPLE_MS = 5_000;
/** For what starts with the product: first probes, connections of the database. */
const SETTLES_MS = 10_000;
/** Connections that were kept for another request, of callers and of the database, end within this. */
const RETURNS_MS = 120_000;

type Readings = Record<string, Reading>;

describe('a product that everybody looks at', () => {
  it(
    `needs no more after ${MINUTES} minutes than after a third of them`,
    async () => {
      await using soak = await Soak.start();
      const read = (): Readings =>
        Object.fromEntries(
          Object.entries(soak.pids()).map(([name, pid]) => [name, readProcess(pid)]),
        );
      await delay(SETTLES_MS);
      const [pids, before, samples] = [soak.pids(), read(), [] as Readings[]];

      const signal = AbortSignal.timeout(MINUTES * 60_000);
      const going = soak.goOn(signal);
      while (!signal.aborted) {
        await delay(SAMPLE_MS);
        samples.push(read());
      }
      await going;

      const table = verdicts(samples);
      console.table(soak.runs);
      console.table(table);
      expect(soak.failures.slice(0, 20)).toEqual([]);
      expect(soak.neglected).toEqual([]);
      expect(soak.pids()).toEqual(pids);
      expect(Object.keys(table).filter((name) => !table[name]!.flat)).toEqual([]);
      await until(
        'handles, watches and children are as before',
        () => returned(before, read()),
        RETURNS_MS,
      );
    },
    MINUTES * 60_000 + 600_000,
  );
});

function verdicts(samples: readonly Readings[]) {
  const named = Object.entries(samples[0]!).flatMap(([process, reading]) =>
    Object.keys(reading).map((what) => [process, what] as const),
  );
  return Object.fromEntries(
    named.map(([process, what]) => {
      const series = samples.map((sample) => sample[process]![what]!);
      const { flat, ...figures } = flatness(series, boundOf(what));
      const rounded = Object.entries(figures).map(([key, value]) => [
        key,
        Math.round(value * 10) / 10,
      ]);
      return [`${process}: ${what}`, { ...Object.fromEntries(rounded), flat }];
    }),
  ) as Record<string, { flat: boolean }>;
}

/** @throws naming what is still there */
function returned(before: Readings, after: Readings): true {
  const more = Object.entries(before).flatMap(([process, reading]) =>
    Object.entries(reading)
      .filter(
        ([what, count]) => !what.endsWith(' MB') && after[process]![what]! > count + HANDLES.more,
      )
      .map(([what, count]) => `${process}: ${what} were ${count}, are ${after[process]![what]}`),
  );
  if (more.length > 0) throw new Error(more.join('; '));
  return true;
}
