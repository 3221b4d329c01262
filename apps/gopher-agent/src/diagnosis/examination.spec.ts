import { passed } from '@gopher/diagnosis';
import { type Examination, runAll } from './examination.js';
import type { Situation } from './situation.js';

const situation = {} as Situation;
const well: Examination = { ids: ['memory'], examine: () => [passed('memory', 'enough')] };

describe(runAll.name, () => {
  it('tells the others when one throws, rejects or hangs, and why', async () => {
    const throws: Examination = {
      ids: ['disk', 'inodes'],
      examine: () => {
        throw new Error('EIO');
      },
    };
    const rejects: Examination = { ids: ['clock'], examine: () => Promise.reject(new Error('no')) };
    const hangs: Examination = { ids: ['policy'], examine: () => new Promise(() => {}) };
    const startedAt = performance.now();
    const checks = await runAll([throws, rejects, hangs, well], situation, 50);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(checks).toMatchObject([
      { id: 'disk', outcome: 'skip', meaning: 'This check could not be made: EIO' },
      { id: 'inodes', outcome: 'skip', meaning: 'This check could not be made: EIO' },
      { id: 'clock', outcome: 'skip', meaning: 'This check could not be made: no' },
      { id: 'policy', outcome: 'skip', meaning: 'This check did not end within 0.05 s' },
      { id: 'memory', outcome: 'pass' },
    ]);
  });

  it('makes all of them at once', async () => {
    let running = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waits: Examination = {
      ids: ['memory'],
      examine: async () => {
        running += 1;
        if (running === 3) resolve();
        await promise;
        return [passed('memory', 'enough')];
      },
    };
    const checks = await runAll([waits, waits, waits], situation);
    expect(checks.map(({ outcome }) => outcome)).toEqual(['pass', 'pass', 'pass']);
  });
});
