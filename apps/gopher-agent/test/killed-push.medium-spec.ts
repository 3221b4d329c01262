import { readFile } from 'node:fs/promises';
import { ConfigState } from '@gopher/proto';
import { configSha256 } from '@gopher/rathole';
import { exchange, keepOpen } from './echo.js';
import { PushFixture } from './push-fixture.js';

/** SIGKILL before each single change that the agent makes on the disk, one run for each of them. */
describe('an agent that is killed around a push', () => {
  let fixture: PushFixture;
  let good: string;
  let next: string;
  let connection: Awaited<ReturnType<typeof keepOpen>>;

  beforeAll(async () => {
    fixture = await PushFixture.open(undefined, (machine) => machine.useKillPoints());
    good = fixture.toml('web');
    next = fixture.toml('web', 'more');
    connection = await keepOpen(fixture.web);
  });
  afterAll(async () => {
    connection.end();
    await fixture[Symbol.asyncDispose]();
  });

  it('runs what was good or what it confirmed, whenever it was killed in between', async () => {
    const steps = await killAtEach(async () => {
      const answered = await pushed();
      return async () => {
        if (answered) expect(await fixture.file()).toBe(next);
      };
    });
    console.log(`killed at ${steps} steps of a push and its confirmation`);
    expect(steps).toBeGreaterThan(20);
  }, 240_000);

  it('runs what was good, whenever it was killed on the way back', async () => {
    const steps = await killAtEach(
      async () => {
        await vi.waitFor(
          async () =>
            expect((await isRecordedGood()) || (await fixture.machine.wasKilled())).toBe(true),
          { timeout: 5_000 },
        );
        return async () => expect(await fixture.file()).toBe(good);
      },
      () => fixture.push(next, 1),
    );
    console.log(`killed at ${steps} steps of the way back`);
    expect(steps).toBeGreaterThan(5);
  }, 240_000);

  it('runs what was good, whenever it was killed as it started with something unconfirmed', async () => {
    const steps = await killAtEach(
      async () => {
        await fixture.restartAgent().catch(() => {});
        return async () => expect(await fixture.file()).toBe(good);
      },
      async () => {
        await fixture.push(next, 30);
        await fixture.machine.kill('SIGKILL');
      },
    );
    console.log(`killed at ${steps} steps of a start`);
    expect(steps).toBeGreaterThan(10);
  }, 240_000);

  /** Until the work is through without a kill. Resolves with how many kills there were. */
  async function killAtEach(
    work: () => Promise<() => Promise<void>>,
    prepare: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<number> {
    for (let steps = 0; ; steps += 1) {
      await prepare();
      await fixture.machine.killAt(steps + 1);
      const check = await work();
      const killed = await fixture.machine.wasKilled();
      await fixture.machine.killAt(null);
      expect([steps, await exchange(fixture.web, 'ping')]).toEqual([steps, 'ping']);
      if (killed) await fixture.restartAgent();
      await expectWhole();
      await check();
      if ((await fixture.file()) !== good) await fixture.push(good, 0);
      if (!killed) return steps;
    }
  }

  async function expectWhole(): Promise<void> {
    const file = await fixture.file();
    expect([good, next]).toContain(file);
    expect(await fixture.afterwards()).toMatchObject({
      config: { state: ConfigState.APPLIED, sha256: configSha256(file) },
      found: undefined,
    });
    if (file === next) await fixture.serving(fixture.more);
    expect(await connection.say('alive?')).toBe('alive?');
  }

  /** Whether the edge was told that it is confirmed. */
  async function pushed(): Promise<boolean> {
    try {
      await fixture.push(next, 30);
      await fixture.confirm(next);
      return true;
    } catch {
      return false;
    }
  }

  async function isRecordedGood(): Promise<boolean> {
    const record = await readFile(fixture.machine.file('kept', 'data.json'), 'utf8');
    return (JSON.parse(record) as { trial: unknown }).trial === null;
  }
});
