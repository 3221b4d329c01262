import type { RatholeClientService, RatholeServerService } from '../src/config.js';
import { generateNoiseKeyPair } from '../src/noise.js';
import { renderClient, renderServer } from '../src/render.js';
import { ServiceTracker } from '../src/service-tracker.js';
import { freePort } from '../../../test/product/free-port.js';
import { exchange, RatholeProcess, startTarget } from './real-rathole.js';

/** A real server and a real client, with our keys, and a tracker on the client's log. */
async function pair(...names: string[]) {
  const { privateKey, publicKey } = generateNoiseKeyPair();
  const [control, target] = [await freePort(), await startTarget()];
  const ports = new Map<string, number>();
  for (const name of ['a', 'b', 'c']) ports.set(name, await freePort());
  const serverToml = (...all: string[]) =>
    renderServer({
      bindAddr: `127.0.0.1:${control}`,
      heartbeatIntervalS: 30,
      localPrivateKey: privateKey,
      services: all.map((name): RatholeServerService => {
        return { name, type: 'tcp', token: `t-${name}`, bindAddr: `127.0.0.1:${ports.get(name)}` };
      }),
    });
  const clientToml = (change: Partial<{ token: string; timeout: number }>, ...all: string[]) =>
    renderClient({
      remoteAddr: `127.0.0.1:${control}`,
      remotePublicKey: publicKey,
      heartbeatTimeoutS: change.timeout ?? 40,
      retryIntervalS: 1,
      services: all.map((name): RatholeClientService => {
        const token = change.token ?? `t-${name}`;
        return { name, type: 'tcp', token, localAddr: `127.0.0.1:${target.port}` };
      }),
    });
  const server = await RatholeProcess.start('server', serverToml(...names));
  await server.until('listening', () => server.has('Listening at'));
  const client = await RatholeProcess.start('client', clientToml({}, ...names));
  const tracker = new ServiceTracker();
  for (const line of client.lines) tracker.consume(line);
  client.onLine((line) => tracker.consume(line));
  const state = (name: string) => tracker.service(name)?.state ?? null;
  const until = (name: string, wanted: string | null) =>
    client.until(`${name} ${wanted}`, () => state(name) === wanted);
  /** The client hears that it is established before the server has bound the visitors' port. */
  const visit = async (name: string, sent: string) => {
    const port = ports.get(name)!;
    await server.until(`${name} is bound`, () => server.has(`Listening at 127.0.0.1:${port}`));
    return exchange(port, sent);
  };
  const end = async () => {
    for (const part of [client, server, target]) await part[Symbol.asyncDispose]();
  };
  return { server, client, tracker, until, state, visit, serverToml, clientToml, end };
}

describe(ServiceTracker.name, () => {
  let live: Awaited<ReturnType<typeof pair>>;
  beforeEach(async () => {
    live = await pair('a', 'b');
    await live.until('a', 'established');
    await live.until('b', 'established');
  });
  afterEach(() => live.end());

  it('knows a channel that carries bytes, over Noise with our keys', async () => {
    expect(await live.visit('a', 'hello')).toBe('HELLO');
  });

  it('sees a service come, change and go, and leaves the others alone', async () => {
    const { server, client, tracker, until } = live;
    const before = tracker.service('a');
    const renamedAt = Date.now();
    await server.write(live.serverToml('a', 'b', 'c'));
    await client.write(live.clientToml({}, 'a', 'b', 'c'));
    await until('c', 'established');
    const { startedAt, establishedAt } = tracker.service('c')!;
    expect(startedAt.getTime()).toBeGreaterThanOrEqual(renamedAt);
    expect(establishedAt!.getTime()).toBeGreaterThanOrEqual(startedAt.getTime());
    expect(await live.visit('c', 'x')).toBe('X');

    await client.write(live.clientToml({}, 'a', 'b'));
    await until('c', null);
    expect(tracker.service('a')).toEqual(before);
    expect(tracker.services().map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('sees a wrong token refused and the right one taken again', async () => {
    const { client, tracker, until } = live;
    await client.write(live.clientToml({ token: 'wrong' }, 'a', 'b'));
    await until('a', 'retrying');
    expect(tracker.service('a')).toMatchObject({
      establishedAt: null,
      problem: 'Authentication failed: a: Incorrect token',
    });
    await client.write(live.clientToml({}, 'a', 'b'));
    await until('a', 'established');
    await until('b', 'established');
  });

  it('sees the server die and come back', async () => {
    const { server, tracker, until } = live;
    const killedAt = Date.now();
    await server.kill();
    await until('a', 'retrying');
    server.launch();
    await until('a', 'established');
    await until('b', 'established');
    expect(tracker.service('a')!.establishedAt!.getTime()).toBeGreaterThanOrEqual(killedAt);
    expect(await live.visit('a', 'hello')).toBe('HELLO');
  });

  it('sees the instance restart for a change outside its services', async () => {
    const { client, tracker, until } = live;
    const first = tracker.service('a')!.startedAt;
    await client.write(live.clientToml({ timeout: 50 }, 'a'));
    await client.until('a again', () => (tracker.service('a')?.startedAt ?? first) > first);
    await until('a', 'established');
    expect(tracker.service('b')).toBeNull();
  });

  it('sees a file ignored, with the reason, and the next one taken', async () => {
    const { client, tracker, state } = live;
    await client.write('[client');
    await client.until('ignored', () => tracker.configRefusal() !== null);
    expect(tracker.configRefusal()!.reason).toMatch(/invalid/);
    expect(state('a')).toBe('established');
    await client.write(live.clientToml({}, 'a'));
    await live.until('b', null);
    await client.until('taken', () => tracker.configRefusal() === null);
  });

  it('sees the client killed and started again with fewer services', async () => {
    const { client, tracker, until } = live;
    await client.kill();
    await client.write(live.clientToml({}, 'b'));
    client.launch();
    tracker.processEnded();
    await until('b', 'established');
    expect(tracker.service('a')).toBeNull();
  });
});
