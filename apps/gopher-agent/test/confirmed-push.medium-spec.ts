import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { watch } from 'node:fs';
import { createServer } from 'node:net';
import { status } from '@grpc/grpc-js';
import { ConfigState, RevertCause } from '@gopher/proto';
import { configSha256, generateNoiseKeyPair } from '@gopher/rathole';
import { freePort } from '../../../test/product/free-port.js';
import { releasedRathole } from '../../../test/product/rathole.js';
import { exchange, keepOpen } from './echo.js';
import { PushFixture } from './push-fixture.js';

const ABORTED = { code: status.ABORTED };
const FAILED = { code: status.FAILED_PRECONDITION };
const { APPLIED, UNCONFIRMED } = ConfigState;
const { NOT_TAKEN, NOT_CONFIRMED } = RevertCause;

const released = releasedRathole();
if (!released) {
  console.warn('Skipped: pushes to a released rathole, since GOPHER_RATHOLE_RELEASED names none');
}

const withOtherKey = (fixture: PushFixture, toml: string): string =>
  toml.replace(fixture.machine.edge.noise.publicKey, generateNoiseKeyPair().publicKey);

describe('pushes that await a confirmation', () => {
  let fixture: PushFixture;
  let good: string;
  let connection: Awaited<ReturnType<typeof keepOpen>>;

  beforeAll(async () => {
    fixture = await PushFixture.open();
    good = fixture.toml('web');
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  beforeEach(async () => {
    await fixture.push(good, 0);
    await fixture.serving(fixture.web);
    connection = await keepOpen(fixture.web);
  });
  afterEach(() => connection.end());

  const aliveThroughout = async () => expect(await connection.say('alive?')).toBe('alive?');

  it('takes one, says that it is unconfirmed, and keeps it once it is confirmed', async () => {
    const stream = fixture.caller.watch();
    const toml = fixture.toml('web', 'more');
    const { config, targets } = await fixture.push(toml, 30);
    expect(config).toMatchObject({ state: UNCONFIRMED, revision: BigInt(fixture.revision) });
    expect(targets).toMatchObject([{ service: 'more', accepts: true }]);
    // It answers only when the channel is there: the first visitor is served.
    expect(await exchange(fixture.more, 'now')).toBe('now');
    const from = stream.seen.length - 1;
    await stream.until('unconfirmed', ({ config: now }) => now?.state === UNCONFIRMED);
    const confirmed = await fixture.confirm(toml);
    expect(confirmed).toMatchObject({ config: { state: APPLIED } });
    await stream.until('applied', ({ config: now }) => now?.state === APPLIED, from, 1_000);
    await expect(fixture.confirm(toml)).resolves.toMatchObject(confirmed as object);
    await fixture.machine.kill('SIGKILL');
    await fixture.restartAgent();
    expect((await fixture.caller.status()).config).toMatchObject({
      state: APPLIED,
      revision: BigInt(fixture.revision),
    });
    expect(await fixture.file()).toBe(toml);
    await aliveThroughout();
  });

  it('goes back by itself when nobody confirms, tells so at once, and takes no late word', async () => {
    const before = fixture.revision;
    const toml = fixture.toml('web', 'more');
    await fixture.push(toml, 1);
    const stream = fixture.caller.watch();
    const told = await stream.until('taken back', ({ reverted }) => reverted !== undefined);
    expect(told).toMatchObject({ config: { state: APPLIED, revision: BigInt(before) } });
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, {
        cause: NOT_CONFIRMED,
        revision: BigInt(fixture.revision),
        sha256: configSha256(toml),
        reason: expect.stringContaining('within 1 s'),
      }),
    );
    await expect(fixture.confirm(toml)).rejects.toMatchObject(FAILED);
    await expect(fixture.confirm(toml)).rejects.toThrow(/was taken back: .*did not confirm/);
    await expect(fixture.push(toml, 1, fixture.revision)).rejects.toMatchObject(FAILED);
    await vi.waitFor(async () => expect(await exchange(fixture.more, 'x', 200)).toBe(''));
    await aliveThroughout();
    stream.cancel();
  });

  it.each([
    [
      'a key that is not the edge’s',
      (toml: string) => withOtherKey(fixture, toml),
      /did not reach/,
    ],
    [
      'an address where nobody is',
      (toml: string) => atEdge(toml, '127.0.0.1:1'),
      /refused|connect/i,
    ],
    [
      'another token for a tunnel that works',
      (toml: string) => toml.replace(fixture.machine.edge.tokenOf('web'), 'y'.repeat(32)),
      /"web" did not reach the edge.*Incorrect token/,
    ],
    ['a name that nobody knows', (toml: string) => atEdge(toml, 'edge.invalid:1'), /did not reach/],
  ])('takes back what can not connect: %s', async (_what, broken, reason) => {
    const before = fixture.revision;
    const pushed = fixture.push(broken(fixture.toml('web', 'more')), 2);
    await expect(pushed).rejects.toMatchObject(ABORTED);
    await expect(pushed).rejects.toThrow(reason);
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, {
        cause: NOT_TAKEN,
        reason: expect.stringMatching(reason),
      }),
    );
  });

  it('takes back one at whose edge somebody accepts and says nothing', async () => {
    const port = await freePort();
    const mute = createServer().listen(port, '127.0.0.1');
    await once(mute, 'listening');
    const before = fixture.revision;
    const pushed = fixture.push(atEdge(good, `127.0.0.1:${port}`), 1);
    await expect(pushed).rejects.toMatchObject(ABORTED);
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, { cause: NOT_TAKEN }),
    );
    mute.close();
  });

  it('takes back one with a service that the edge refuses, and no other tunnel notices', async () => {
    const before = fixture.revision;
    const token = fixture.machine.edge.tokenOf('more');
    const toml = fixture.toml('web', 'more').replace(token, 'x'.repeat(32));
    const pushed = fixture.push(toml, 2);
    await expect(pushed).rejects.toMatchObject(ABORTED);
    await expect(pushed).rejects.toThrow(/"more" did not reach the edge.*Incorrect token/);
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, {
        cause: NOT_TAKEN,
        reason: expect.stringContaining('Incorrect token'),
      }),
    );
    await aliveThroughout();
  });

  it('takes back one over which rathole ends, and has it serve again', async () => {
    const before = fixture.revision;
    const directory = fixture.machine.file('rathole');
    const killer = watch(directory, (_event, name) => {
      if (name !== 'data.toml') return;
      killer.close();
      process.kill(fixture.machine.clientPid('data'), 'SIGKILL');
    });
    const pushed = fixture.push(fixture.toml('web', 'more'), 5);
    await expect(pushed).rejects.toMatchObject(ABORTED);
    await expect(pushed).rejects.toThrow(/rathole ended over it/);
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, { cause: NOT_CONFIRMED }),
    );
  });

  it('takes what removes a tunnel, or changes only a comment', async () => {
    await fixture.push(fixture.toml('web', 'more'), 0);
    await fixture.serving(fixture.more);
    for (const toml of [good, `# nothing new\n${good}`]) {
      await fixture.push(toml, 30);
      await fixture.confirm(toml);
    }
    expect(await exchange(fixture.more, 'x', 200)).toBe('');
    await aliveThroughout();
  });

  it('comes back over a change of the transport that nobody confirms', async () => {
    const before = fixture.revision;
    await fixture.push(good.replace('= 40', '= 50'), 1);
    await vi.waitFor(async () => expect(await fixture.file()).toBe(good), { timeout: 5_000 });
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, { cause: NOT_CONFIRMED }),
    );
  });

  it('lets a newer push take the place of one under way, and goes back to the last confirmed', async () => {
    const before = fixture.revision;
    const first = fixture.push(atEdge(good, '127.0.0.1:1'), 30);
    const outcome = first.catch((error: unknown) => error);
    await vi.waitFor(async () => expect(await fixture.file()).toContain('127.0.0.1:1"'));
    await fixture.push(fixture.toml('web', 'more'), 1);
    expect(await outcome).toMatchObject({
      ...ABORTED,
      details: expect.stringContaining(`was superseded by revision ${before + 2}`),
    });
    await fixture.serving(fixture.more);
    await vi.waitFor(async () => expect(await fixture.file()).toBe(good), { timeout: 5_000 });
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, { revision: BigInt(before + 2), cause: NOT_CONFIRMED }),
    );
  });

  it('goes on with one when a newer one is refused, and when it comes again', async () => {
    const toml = fixture.toml('web', 'more');
    await fixture.push(toml, 2);
    const beganAt = performance.now();
    const refused = fixture.push('[client]\n', 30, fixture.revision + 1);
    await expect(refused).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    fixture.revision -= 1;
    expect(await fixture.push(toml, 60, fixture.revision)).toMatchObject({ targets: [] });
    expect(await fixture.caller.status()).toMatchObject({ config: { state: UNCONFIRMED } });
    // It kept its own timer.
    await vi.waitFor(async () => expect(await fixture.file()).toBe(good), { timeout: 5_000 });
    expect(performance.now() - beganAt).toBeLessThan(4_000);
    await aliveThroughout();
  });

  it('refuses a revision that was taken before, also one that was taken back', async () => {
    for (const revision of [1, fixture.revision - 1, fixture.revision]) {
      const replayed = fixture.push(fixture.toml('web', 'more'), 5, revision);
      await expect(replayed).rejects.toMatchObject(FAILED);
    }
    expect(await fixture.file()).toBe(good);
  });

  it('knows of nothing to confirm where nothing was pushed', async () => {
    await expect(fixture.confirm('never', 999)).rejects.toMatchObject(FAILED);
  });

  it('repairs towards what is on trial while the trial lasts', async () => {
    const toml = fixture.toml('web', 'more');
    await fixture.push(toml, 30);
    await writeFile(fixture.machine.file('rathole', 'data.toml'), '# someone was here\n');
    await vi.waitFor(async () => expect(await fixture.file()).toBe(toml), { timeout: 5_000 });
    await fixture.confirm(toml);
    await fixture.serving(fixture.more);
    await aliveThroughout();
  });

  it('is back after the machine was rebooted in the window', async () => {
    const before = fixture.revision;
    await fixture.push(good.replace('= 40', '= 50'), 30);
    await fixture.machine.kill('SIGKILL');
    for (const name of ['control', 'data']) {
      process.kill(fixture.machine.clientPid(name), 'SIGKILL');
    }
    await fixture.restartAgent();
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, {
        cause: NOT_CONFIRMED,
        reason: expect.stringContaining('started anew'),
      }),
    );
  });
});

const atEdge = (toml: string, address: string): string =>
  toml.replace(/remote_addr = "[^"]*"/, `remote_addr = "${address}"`);

describe.skipIf(!released)('pushes to a released rathole', () => {
  it('takes back what it can not connect with, and what would end it never reaches it', async () => {
    await using fixture = await PushFixture.open(released ?? undefined);
    const good = fixture.toml('web');
    const before = fixture.revision;
    await expect(fixture.push(withOtherKey(fixture, good), 2)).rejects.toMatchObject(ABORTED);
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, { cause: NOT_TAKEN }),
    );
    const pid = fixture.machine.clientPid('data');
    const short = good.replace(fixture.machine.edge.noise.publicKey, 'c2hvcnQ=');
    const refused = fixture.push(short, 2, fixture.revision + 1);
    await expect(refused).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(fixture.machine.clientPid('data')).toBe(pid);
    await fixture.serving(fixture.web);
  });
});
