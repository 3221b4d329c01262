import { type Check, passed } from '@gopher/diagnosis';
import { EdgeCheck } from './edge-check.js';
import { runChecks } from './run-checks.js';

class FakeCheck extends EdgeCheck {
  readonly id = 'edge-database';
  override readonly deadlineMs = 50;

  constructor(readonly look: () => Promise<Check[]> | Check[]) {
    super();
  }
}

const WELL = [passed('edge-disk', 'there is room')];
const well = () => new FakeCheck(() => WELL);

describe(runChecks.name, () => {
  it('says of a check that hangs that it was not told, and waits no longer', async () => {
    const began = performance.now();
    const hanging = new FakeCheck(() => new Promise(() => {}));
    const [first, second] = await runChecks([hanging, well()], undefined);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(first).toMatchObject({
      id: 'edge-database',
      outcome: 'skip',
      meaning: 'This could not be told: it took longer than 50 ms',
    });
    expect(second).toBe(WELL[0]);
  });

  it.each<[string, () => Promise<Check[]> | Check[]]>([
    ['at once', () => raise(new Error('no file handle'))],
    ['later', () => Promise.reject(new Error('no file handle'))],
    ['something that is no error', () => raise('no file handle')],
  ])('says of a check that throws %s why it was not told', async (_, look) => {
    const [first, second] = await runChecks([new FakeCheck(look), well()], undefined);
    expect(first).toMatchObject({
      outcome: 'skip',
      meaning: 'This could not be told: no file handle',
    });
    expect(second).toBe(WELL[0]);
  });

  it('survives a check that throws after it was given up', async () => {
    const late = Promise.withResolvers<Check[]>();
    const [first] = await runChecks([new FakeCheck(() => late.promise)], undefined);
    expect(first).toMatchObject({ outcome: 'skip' });
    late.reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('cuts a long reason', async () => {
    const look = () => raise(new Error('x'.repeat(10_000)));
    const [first] = await runChecks([new FakeCheck(look)], undefined);
    expect(first!.meaning.length).toBeLessThan(400);
  });
});

function raise(error: unknown): never {
  throw error;
}
