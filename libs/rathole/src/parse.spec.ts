import { LIMITS } from './config.schema.js';
import { parseClient, parseServer } from './parse.js';

const KEY = Buffer.alloc(32, 7).toString('base64');
const SECRET = 'do-not-show-this';
const CLIENT = `[client]
remote_addr = "edge:2333"
[client.transport]
type = "noise"
[client.transport.noise]
remote_public_key = "${KEY}"
[client.services]
[client.services."web"]
token = "${SECRET}"
local_addr = "192.168.1.5:80"
`;
const change = (from: string, to: string) => {
  expect(CLIENT).toContain(from);
  return CLIENT.replace(from, to);
};

describe(parseClient.name, () => {
  it("fills in rathole's own defaults", () => {
    expect(parseClient(CLIENT)).toEqual({
      remoteAddr: 'edge:2333',
      remotePublicKey: KEY,
      heartbeatTimeoutS: 40,
      retryIntervalS: 1,
      services: [{ name: 'web', type: 'tcp', token: SECRET, localAddr: '192.168.1.5:80' }],
    });
  });

  it('reads comments, CRLF, literal strings, escapes and tables in any order', () => {
    const toml = `# made by hand\r\n[client.services.'web']\r\ntoken="\\u0061"  # a\r\n\tlocal_addr='a:1'\r\n
[ client . transport ]\ntype = "noise"\n[client.transport.noise]\nremote_public_key='${KEY}'
[client]\nremote_addr = "e:1"\nretry_interval = 5`;
    expect(parseClient(toml)).toMatchObject({
      retryIntervalS: 5,
      services: [{ name: 'web', token: 'a', localAddr: 'a:1' }],
    });
  });

  it.each([
    ['', 'missing-key', 'client', null],
    [
      change('[client.services]\n', '').split('[client.services."web"]')[0]!,
      'missing-key',
      'client.services',
      null,
    ],
    [
      change('"192.168.1.5:80"', '"192.168.1.5"'),
      'invalid-value',
      'client.services."web".local_addr',
      null,
    ],
    [change('"192.168.1.5:80"', '80'), 'invalid-value', 'client.services."web".local_addr', null],
    [change(`token = "${SECRET}"`, ''), 'missing-key', 'client.services."web".token', null],
    [change(`"${SECRET}"`, '""'), 'invalid-value', 'client.services."web".token', null],
    [
      change(`"${SECRET}"`, `"${'x'.repeat(513)}"`),
      'invalid-value',
      'client.services."web".token',
      null,
    ],
    [change('type = "noise"', 'type = "tcp"'), 'invalid-value', 'client.transport.type', null],
    [change('type = "noise"', ''), 'missing-key', 'client.transport.type', null],
    [
      change(KEY, KEY.slice(0, -1)),
      'invalid-value',
      'client.transport.noise.remote_public_key',
      null,
    ],
    [
      change(KEY, '!' + KEY.slice(1)),
      'invalid-value',
      'client.transport.noise.remote_public_key',
      null,
    ],
    [
      change('remote_public_key', 'remote_publik_key'),
      'unknown-key',
      'client.transport.noise.remote_publik_key',
      null,
    ],
    [
      change('[client]', '[client]\ndefault_token = "x"'),
      'unknown-key',
      'client.default_token',
      null,
    ],
    [change('[client]', '[client]\nprefer_ipv6 = true'), 'unknown-key', 'client.prefer_ipv6', null],
    [
      change('token =', 'nodelay = true\ntoken ='),
      'unknown-key',
      'client.services."web".nodelay',
      null,
    ],
    [
      change('token =', 'type = "sctp"\ntoken ='),
      'invalid-value',
      'client.services."web".type',
      null,
    ],
    [change('"web"', '"w b"'), 'invalid-value', 'client.services."w b"', null],
    [change('"web"', '"__proto__"'), 'invalid-value', 'client.services."__proto__"', null],
    [
      change('[client]', '[client]\nretry_interval = 1.0'),
      'invalid-value',
      'client.retry_interval',
      null,
    ],
    [
      change('[client]', '[client]\nretry_interval = -1'),
      'invalid-value',
      'client.retry_interval',
      null,
    ],
    [
      change('[client]', '[client]\nretry_interval = "1"'),
      'invalid-value',
      'client.retry_interval',
      null,
    ],
    [
      change('[client]', '[client]\nretry_interval = 18446744073709551616'),
      'invalid-value',
      'client.retry_interval',
      null,
    ],
    [`[server]\n${CLIENT}`, 'unknown-key', 'server', null],
    [change('edge:2333"', 'edge:2333'), 'syntax', null, 2],
    [`${CLIENT}[client.services.web]\n`, 'syntax', null, 11],
    [`${CLIENT}token = "again"\n`, 'syntax', null, 11],
    [change(SECRET, 'a\ud800b'), 'syntax', null, null],
    [change('[client]', '[client]\nretry_interval = 0x1'), 'unsupported-syntax', null, 2],
    [change(SECRET, '\\x41'), 'unsupported-syntax', null, 9],
    [change(SECRET, 'a\\u000ab'), 'invalid-value', 'client.services."web".token', null],
    [
      change('[client.services]', '[client.services]\n"b" = { token = "t", local_addr = "a:1", }'),
      'unsupported-syntax',
      null,
      8,
    ],
    [
      change('[client.services]', '[client.services]\nb.token = "t"\nb.local_addr = "a:1"'),
      'unsupported-syntax',
      null,
      8,
    ],
    [change(`"${SECRET}"`, `"""${SECRET}"""`), 'unsupported-syntax', null, 9],
    [`\ufeff${CLIENT}`, 'unsupported-syntax', null, 1],
    [`${CLIENT}#${'x'.repeat(LIMITS.client.bytes)}`, 'too-large', null, null],
  ])('refuses case %#', (toml, code, path, line) => {
    expect(() => parseClient(toml)).toThrow(expect.objectContaining({ code, path, line }));
  });

  it('says where, and never quotes a token', () => {
    const broken = `${CLIENT}token = "${SECRET}`;
    expect(() => parseClient(broken)).toThrow(/^line 11: /);
    for (const toml of [broken, change(SECRET, `${SECRET}\\u0000`), change(KEY, SECRET)]) {
      expect(() => parseClient(toml)).toThrow(
        expect.objectContaining({ name: 'RatholeConfigError' }),
      );
      expect(() => parseClient(toml)).not.toThrow(SECRET);
    }
  });

  it('takes no time over a line made to be slow', () => {
    const slow = `${CLIENT}#\n${' \t'.repeat(200_000)}#`;
    const start = performance.now();
    parseClient(slow);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

describe(parseServer.name, () => {
  it('refuses a client file', () => {
    expect(() => parseServer(CLIENT)).toThrow(expect.objectContaining({ path: 'client' }));
  });
});
