import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { echo, measureRoundTrip } from './echo.js';

let server: Server | null = null;

afterEach(() => {
  server?.close();
  server = null;
});

async function behind(answer: (socket: Socket) => void): Promise<number> {
  server = createServer((socket) => {
    socket.on('error', () => {});
    answer(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe(measureRoundTrip.name, () => {
  /** Gives back after so many milliseconds, each time. */
  const after = (...delays: number[]) =>
    behind((socket) => {
      const left = [...delays];
      socket.on('data', (bytes) => {
        const delay = left.shift()!;
        const answer = () => (left.length === 0 ? socket.end(bytes) : socket.write(bytes));
        setTimeout(answer, delay);
      });
    });

  it('takes the second exchange, for which nothing has to be set up', async () => {
    const { problem, ...measured } = await measureRoundTrip(await after(200, 50), 2_000);
    expect(problem).toBeNull();
    expect(measured).toEqual({ roundTripMs: expect.closeTo(62, -1.6) });
  });

  it('takes the first of an agent that echoes once', async () => {
    const { problem, ...measured } = await measureRoundTrip(await after(60), 2_000);
    expect(problem).toBeNull();
    expect(measured).toEqual({ roundTripMs: expect.closeTo(72, -1.6) });
  });

  it('has none when nothing comes back', async () => {
    const port = await behind((socket) => socket.end());
    const problem = { detail: expect.stringMatching(/closed before/), closed: true };
    expect(await measureRoundTrip(port, 100)).toEqual({ problem });
  });
});

describe(echo.name, () => {
  it('finds nothing wrong when the same bytes come back, in however many pieces', async () => {
    const port = await behind((socket) => {
      socket.on('data', (bytes) => {
        for (const byte of bytes) socket.write(Buffer.of(byte));
      });
    });
    await expect(echo(port, 2_000)).resolves.toBeNull();
  });

  const problems: [string, (socket: Socket) => void, RegExp, boolean][] = [
    [
      'other bytes',
      (socket) => socket.write('SSH-2.0-OpenSSH_9.6 and more than 32'),
      /other/,
      false,
    ],
    ['nothing', () => {}, /nothing came back within 100 ms/, false],
    ['too few bytes', (socket) => socket.write('few'), /nothing came back/, false],
    ['an end', (socket) => socket.end(), /closed before the bytes came back/, true],
    ['a reset', (socket) => socket.resetAndDestroy(), /closed before/, true],
  ];

  it.each(problems)('says so when there comes %s', async (_, answer, detail, closed) => {
    const problem = await echo(await behind(answer), 100);
    expect(problem).toEqual({ detail: expect.stringMatching(detail), closed });
  });

  it('says so when nobody listens', async () => {
    const port = await behind(() => {});
    server!.close();
    await once(server!, 'close');
    const detail = expect.stringMatching(/has not connected its data client/);
    await expect(echo(port, 1_000)).resolves.toEqual({ detail, closed: false });
  });
});
