import { generateNoiseKeyPair, renderClient } from '@gopher/rathole';
import { foreignParts } from './found-config.js';

describe(foreignParts.name, () => {
  const remotePublicKey = generateNoiseKeyPair().publicKey;
  const token = 'edgetokenabcdefgh';
  const ours = renderClient({
    remoteAddr: 'edge.example.com:2333',
    remotePublicKey,
    heartbeatTimeoutS: 40,
    retryIntervalS: 1,
    services: [{ name: 'web', type: 'tcp', token, localAddr: '127.0.0.1:80' }],
  });

  it('names the lines and the services that someone added, without the token', () => {
    const text = `${ours}
# my printer
[client.services.printer]
type = "udp"
token = "mine"
local_addr = "192.168.1.9:9100"
`;
    expect(foreignParts(text, ours)).toEqual({
      lines: [
        '# my printer',
        '[client.services.printer]',
        'type = "udp"',
        'token = ***',
        'local_addr = "192.168.1.9:9100"',
      ],
      services: [{ name: 'printer', type: 'udp', localAddr: '192.168.1.9:9100' }],
    });
  });

  it('names a service of the edge that leads elsewhere now', () => {
    const text = ours.replace('127.0.0.1:80', '127.0.0.1:8080');
    expect(foreignParts(text, ours)).toEqual({
      lines: ['local_addr = "127.0.0.1:8080"'],
      services: [{ name: 'web', type: 'tcp', localAddr: '127.0.0.1:8080' }],
    });
  });

  it.each([
    'token = "SECRET"',
    'default_token="SECRET"',
    "token = 'SECRET'",
    'token = SECRET',
    'token = "SECRET',
    'token = """SECRET"""',
    'token = """\nSECRET\nSECRET"""',
    "token = '''\nSECRET\n",
    '# token = "SECRET"',
    '# the token: SECRET',
    'a = { type = "tcp", token = "SECRET", local_addr = "a:1" }',
    'a.token = "SECRET"',
    '"token" = "SECRET"',
    '"tok\\u0065n" = "SECRET"',
    'tokne = "SECRET"',
    'local_private_key = "SECRET"',
    'list = ["x", "SECRET"]',
    'list = [\n"SECRET",\n]',
    '{"token": "SECRET"}',
    `leftover ${remotePublicKey} SECRET0123456789`,
    `[client.services."${token}"]`,
  ])('never quotes what may be a token or a key: %j', (added) => {
    const { lines } = foreignParts(`${ours}\n${added}\n`, ours);
    expect(lines.length).toBeGreaterThan(0);
    for (const secret of ['SECRET', token, remotePublicKey]) {
      expect(lines.join('\n')).not.toContain(secret);
    }
  });

  it('shows what is no setting as it is', () => {
    const text = `${ours}\nremote_addr = "other:1"\nretry_interval = 3\nhello world\n`;
    expect(foreignParts(text, ours).lines).toEqual([
      'remote_addr = "other:1"',
      'retry_interval = 3',
      'hello world',
    ]);
  });

  it('shows 50 lines of 200 characters at most, whatever is in them', () => {
    const text = Array.from({ length: 60 }, (_, n) => `# ${n} ${'😀'.repeat(200)}\u0000`).join(
      '\n',
    );
    const { lines, services } = foreignParts(text, ours);
    expect(lines).toHaveLength(50);
    expect(lines.every((line) => line.length <= 200 && line.isWellFormed())).toBe(true);
    expect(services).toEqual([]);
  });

  it('takes no longer for a text that was made to take long', () => {
    const begun = performance.now();
    foreignParts('a.'.repeat(200_000) + '"'.repeat(100_000), ours);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('finds the services that can be read beside those that can not', () => {
    const text = `${ours}
[client.services.one]
local_addr = "nowhere"
[client.services."bad name"]
local_addr = "a:1"
[client.services.two]
local_addr = "nas:445"
`;
    expect(foreignParts(text, ours).services).toEqual([
      { name: 'two', type: 'tcp', localAddr: 'nas:445' },
    ]);
  });
});
