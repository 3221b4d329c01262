import type { RatholeClientConfig, RatholeServerConfig } from './config.js';
import { LIMITS } from './config.schema.js';
import { parseClient } from './parse.js';
import { renderClient, renderServer } from './render.js';

const KEY = Buffer.alloc(32, 7).toString('base64');
const server: RatholeServerConfig = {
  bindAddr: '0.0.0.0:2333',
  heartbeatIntervalS: 30,
  localPrivateKey: KEY,
  services: [
    { name: 'web', type: 'tcp', token: 'a"b\\c', bindAddr: '127.0.0.1:2' },
    { name: 'back-channel.1', type: 'udp', token: 'é😀', bindAddr: '127.0.0.1:1' },
  ],
};
const client: RatholeClientConfig = {
  remoteAddr: 'edge.example.org:2333',
  remotePublicKey: KEY,
  heartbeatTimeoutS: 40,
  retryIntervalS: 1,
  services: [],
};
const service = { name: 'a', type: 'tcp', token: 't', localAddr: 'a:1' } as const;

describe(renderServer.name, () => {
  it('writes the whole file, services sorted and names quoted', () => {
    expect(renderServer(server)).toBe(`[server]
bind_addr = "0.0.0.0:2333"
heartbeat_interval = 30

[server.transport]
type = "noise"

[server.transport.noise]
local_private_key = "${KEY}"

[server.services]

[server.services."back-channel.1"]
type = "udp"
token = "é😀"
bind_addr = "127.0.0.1:1"

[server.services."web"]
type = "tcp"
token = "a\\"b\\\\c"
bind_addr = "127.0.0.1:2"
`);
  });

  it.each(['127.0.0.1:2', '0.0.0.0:2', '[::]:2'])('refuses two tcp services on %s', (bindAddr) => {
    const second = { name: 'x', type: 'tcp', token: 't', bindAddr } as const;
    const config = { ...server, services: [...server.services, second] };
    expect(() => renderServer(config)).toThrow(
      expect.objectContaining({ code: 'address-conflict', path: 'server.services."x".bind_addr' }),
    );
  });

  it('refuses a service on the control port', () => {
    const second = { name: 'x', type: 'tcp', token: 't', bindAddr: '127.0.0.1:2333' } as const;
    expect(() => renderServer({ ...server, services: [second] })).toThrow(/server\.bind_addr/);
  });

  it('takes one port twice where protocol or address differ', () => {
    const services = [
      { name: 'a', type: 'tcp', token: 't', bindAddr: '127.0.0.1:9' },
      { name: 'b', type: 'udp', token: 't', bindAddr: '127.0.0.1:9' },
      { name: 'c', type: 'tcp', token: 't', bindAddr: '127.0.0.2:9' },
    ] as const;
    expect(renderServer({ ...server, services })).toContain('services."c"');
  });
});

describe(renderClient.name, () => {
  it('keeps the services table when there is none: rathole refuses a file without it', () => {
    const toml = renderClient(client);
    expect(toml).toMatch(/^\[client\.services\]$/m);
    expect(parseClient(toml)).toEqual(client);
  });

  it.each([
    ['a service twice', { services: [service, service] }, 'duplicate-service'],
    ['half a second', { retryIntervalS: 0.5 }, 'invalid-value'],
    ['no pause between attempts', { retryIntervalS: 0 }, 'invalid-value'],
    ['NaN', { heartbeatTimeoutS: Number.NaN }, 'invalid-value'],
    ['a name with a brace', { services: [{ ...service, name: 'a{b' }] }, 'invalid-value'],
    ['an empty name', { services: [{ ...service, name: '' }] }, 'invalid-value'],
    ['__proto__', { services: [{ ...service, name: '__proto__' }] }, 'invalid-value'],
    ['a line break in a token', { services: [{ ...service, token: 'a\nb' }] }, 'invalid-value'],
    ['half a surrogate pair', { services: [{ ...service, token: '\ud83d' }] }, 'invalid-value'],
    ['an empty token', { services: [{ ...service, token: '' }] }, 'invalid-value'],
    ['a short key', { remotePublicKey: KEY.slice(4) }, 'invalid-value'],
    [
      'too many services',
      {
        services: Array.from({ length: LIMITS.client.services + 1 }, (_, i) => ({
          ...service,
          name: `${i}`,
        })),
      },
      'too-many-services',
    ],
    [
      'more than a megabyte',
      {
        services: Array.from({ length: LIMITS.client.services }, (_, i) => ({
          ...service,
          name: `${i}`,
          token: 'é'.repeat(512),
        })),
      },
      'too-large',
    ],
  ])('refuses %s', (_, change, code) => {
    expect(() => renderClient({ ...client, ...change })).toThrow(expect.objectContaining({ code }));
  });
});
