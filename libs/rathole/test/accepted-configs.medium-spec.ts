import fc from 'fast-check';
import { generateNoiseKeyPair } from '../src/noise.js';
import { parseClient, parseServer } from '../src/parse.js';
import { renderClient, renderServer } from '../src/render.js';
import { clientConfig, serverConfig } from './arbitraries.js';
import { freePort } from '../../../test/product/free-port.js';
import { RatholeProcess } from './real-rathole.js';

/** The word of the real binary: it runs with this file, or it ends. */
async function realVerdict(
  side: 'server' | 'client',
  toml: string,
  services: readonly { name: string }[],
): Promise<string> {
  await using rathole = await RatholeProcess.start(side, toml);
  const taken = () =>
    side === 'server'
      ? rathole.has('rathole::server: Listening at')
      : services.every(({ name }) =>
          rathole.has(`handle{service=${name}}: rathole::client: Sta`),
        ) && rathole.has('Start watching the config');
  await rathole.until('a verdict', () => rathole.exitCode !== null || taken());
  return rathole.exitCode === null ? 'accepted' : rathole.lines.join('\n');
}

describe('the real rathole', () => {
  it('runs with every server file that is rendered', async () => {
    const port = await freePort();
    const arbitrary = serverConfig({ bindAddr: `127.0.0.1:${port}`, port: (i) => 9_000 + i });
    await fc.assert(
      fc.asyncProperty(arbitrary, async (config) => {
        expect(await realVerdict('server', renderServer(config), [])).toBe('accepted');
      }),
      { numRuns: 40 },
    );
  });

  it('runs with every client file that is rendered', async () => {
    const remoteAddr = `127.0.0.1:${await freePort()}`;
    await fc.assert(
      fc.asyncProperty(clientConfig({ remoteAddr }), async (config) => {
        const verdict = await realVerdict('client', renderClient(config), config.services);
        expect(verdict).toBe('accepted');
      }),
      { numRuns: 40 },
    );
  });

  it('runs with every damaged file that is still accepted', async () => {
    const { publicKey } = generateNoiseKeyPair();
    const service = { name: 'a', type: 'tcp', token: 'tt', localAddr: 'a:1' } as const;
    const whole = renderClient({
      remoteAddr: '127.0.0.1:9',
      remotePublicKey: publicKey,
      heartbeatTimeoutS: 40,
      retryIntervalS: 1,
      services: [service, { ...service, name: 'b' }],
    });
    const pieces = fc.constantFrom(
      '"',
      "'",
      '\n',
      '\r\n',
      '\t',
      ' ',
      '#',
      '\\u0041',
      '\\t',
      '0',
      'x',
      '.',
    );
    const places = fc.nat(whole.length);
    const accepted = fc
      .tuple(places, fc.nat(3), fc.array(pieces, { maxLength: 3 }))
      .map(([at, cut, insert]) => whole.slice(0, at) + insert.join('') + whole.slice(at + cut))
      .filter((toml) => toml !== whole && isAccepted(toml));
    await fc.assert(
      fc.asyncProperty(accepted, async (toml) => {
        expect(await realVerdict('client', toml, parseClient(toml).services)).toBe('accepted');
      }),
      { numRuns: 40 },
    );
  });

  it('refuses, as we do, what its reader can not take', async () => {
    const { privateKey } = generateNoiseKeyPair();
    const good = renderServer({
      bindAddr: `127.0.0.1:${await freePort()}`,
      heartbeatIntervalS: 30,
      localPrivateKey: privateKey,
      services: [],
    });
    expect(await realVerdict('server', good, [])).toBe('accepted');
    const bad = [
      good.replace('[server.services]', ''),
      good.replace('= 30', '= 30.0'),
      good.replace('= 30', '= "30"'),
      good.replace('= 30', '= 030'),
      good.replace('[server]', '[server]\nprefer_ipv6 = true'),
      good.replace(privateKey, privateKey.slice(0, -3)),
      `${good}[server.services.a]\nbind_addr = "127.0.0.1:9001"\n`,
      `${good}[server.services.a]\ntoken = "\\x41"\nbind_addr = "127.0.0.1:9001"\n`,
      `${good}[server.services.a]\ntoken = "\\e"\nbind_addr = "127.0.0.1:9001"\n`,
      `${good}a = { token = "a", bind_addr = "127.0.0.1:9001", }\n`,
      `${good}[server.services]\n`,
    ];
    for (const toml of bad) {
      expect(() => parseServer(toml)).toThrow();
      expect(await realVerdict('server', toml, [])).not.toBe('accepted');
    }
  });
});

function isAccepted(toml: string): boolean {
  try {
    parseClient(toml);
    return true;
  } catch {
    return false;
  }
}
