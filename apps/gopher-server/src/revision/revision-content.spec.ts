import { parseClient, type RatholeClientConfig, renderClient } from '@gopher/rathole';
import { fingerprint, redacted, withoutSecrets } from './redaction.js';
import { broughtTunnels, causeOf, classOf, differences } from './revision-content.js';
import { unifiedDiff } from './unified-diff.js';

const service = (name: string, localAddr: string, token = `token-of-${name}`) => ({
  name,
  type: 'tcp' as const,
  token,
  localAddr,
});
const config = (
  services: RatholeClientConfig['services'],
  changes: Partial<RatholeClientConfig> = {},
): RatholeClientConfig => ({
  remoteAddr: 'edge.example.com:2333',
  remotePublicKey: Buffer.alloc(32, 7).toString('base64'),
  heartbeatTimeoutS: 15,
  retryIntervalS: 1,
  services,
  ...changes,
});
const check = service('check.m', '127.0.0.1:4323');
const [one, two] = [service('tunnel.1', '10.0.0.1:80'), service('tunnel.2', '10.0.0.2:80')];
const before = config([check, one]);

describe('what differs', () => {
  it.each([
    ['nothing', config([one, check]), [], 'services'],
    ['a tunnel more', config([check, one, two]), ['tunnel 2: added, 10.0.0.2:80'], 'services'],
    ['a tunnel less', config([check]), ['tunnel 1: removed, was 10.0.0.1:80'], 'services'],
    [
      'another target',
      config([check, service('tunnel.1', '10.0.0.9:80')]),
      ['tunnel 1: changed, 10.0.0.1:80 → 10.0.0.9:80'],
      'services',
    ],
    [
      'another token',
      config([check, { ...one, token: 'other' }]),
      ['tunnel 1: changed, another token or protocol'],
      'services',
    ],
    ['no data check', config([one]), ['data check: removed, was 127.0.0.1:4323'], 'services'],
    [
      'another edge',
      config([check, one], { remoteAddr: 'new.example.com:2333' }),
      ['address of the edge: changed, edge.example.com:2333 → new.example.com:2333'],
      'transport',
    ],
    [
      'another heartbeat, and a tunnel',
      config([check, one, two], { heartbeatTimeoutS: 20 }),
      ['heartbeat timeout: changed, 15 → 20', 'tunnel 2: added, 10.0.0.2:80'],
      'transport',
    ],
  ])('is %s', (_, after, lines, kind) => {
    expect(differences(before, after)).toEqual(lines);
    expect(classOf(before, after)).toBe(kind);
  });

  it('is everything where nothing was before', () => {
    expect([classOf(null, before), causeOf(null, before)]).toEqual([
      'transport',
      'first configuration',
    ]);
    expect(differences(null, before).length).toBe(2);
  });

  it('is a cause', () => {
    expect(causeOf(before, config([check, one, two]))).toBe('tunnel 2 added');
    expect(causeOf(before, config([check, two]))).toBe('tunnels changed: 1 added, 1 removed');
    expect(causeOf(before, config([check, one], { retryIntervalS: 2 }))).toBe('edge settings');
  });

  it('brings the tunnels that are new or lead elsewhere, and no others', () => {
    const moved = service('tunnel.1', '10.0.0.9:80');
    expect(broughtTunnels(before, config([check, moved, two]))).toEqual(['1', '2']);
    expect(broughtTunnels(config([check, one, two]), before)).toEqual([]);
  });
});

describe(redacted.name, () => {
  const tokens = ['plain', 'with "quotes"', 'back\\slash', 'token = "y"', 'ünïcode', '"'];
  const toml = renderClient(
    config(tokens.map((token, i) => service(`tunnel.${i}`, '1.1.1.1:1', token))),
  );

  it('has a fingerprint for every token and key, whatever is in it, and all else as it was', () => {
    const shown = parseClient(
      redacted(toml).replace(/(remote_public_key = ").*"/, `$1${before.remotePublicKey}"`),
    );
    expect(shown.services.map(({ token }) => token)).toEqual(tokens.map(fingerprint));
    expect(shown.services.map(({ localAddr }) => localAddr)).toEqual(tokens.map(() => '1.1.1.1:1'));
    expect(redacted(toml)).not.toContain(before.remotePublicKey);
    for (const token of tokens) expect(redacted(toml)).not.toContain(JSON.stringify(token));
  });

  it('shows that a secret changed', () => {
    expect(fingerprint('a')).toMatch(/^sha256:[0-9a-f]{8}$/);
    expect(fingerprint('a')).not.toBe(fingerprint('b'));
  });

  it('takes secrets out of what someone said', () => {
    expect(withoutSecrets('bad token plain, twice: plain', toml)).toBe(
      `bad token ${fingerprint('plain')}, twice: ${fingerprint('plain')}`,
    );
  });
});

describe(unifiedDiff.name, () => {
  const toml = (services: RatholeClientConfig['services']) => renderClient(config(services));
  const labels: [string, string] = ['a', 'b'];

  it('is empty for the same', () => {
    expect(unifiedDiff(toml([one]), toml([one]), labels)).toBe('');
  });

  it('has a hunk for each table that differs, with its place in both', () => {
    const text = unifiedDiff(
      toml([one, two]),
      toml([service('tunnel.1', '9.9.9.9:1'), check]),
      labels,
    );
    expect(text.match(/^@@.*$/gm)?.length).toBe(3);
    expect(text).toContain('-local_addr = "10.0.0.1:80"\n+local_addr = "9.9.9.9:1"');
    expect(text).toContain('+[client.services."check.m"]\n');
    expect(text).toContain('-[client.services."tunnel.2"]\n');
    const lines = toml([one, two]).split('\n');
    const [, at] = /^@@ -(\d+),4 \+0,0 @@$/m.exec(text)!;
    expect(lines[Number(at) - 1]).toBe('[client.services."tunnel.2"]');
  });
});
