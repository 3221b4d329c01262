import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigRefusedError } from '../agent.errors.js';
import { TargetPolicy } from './target-policy.js';

/** Names that the tests know; all others resolve to nothing. */
const NAMES: Record<string, string[]> = {
  'nas.local': ['192.168.1.5'],
  'both.lan': ['192.168.1.5', '203.0.113.7'],
  'example.com': ['203.0.113.7', '2001:db8::1'],
};
const resolve = (name: string) => Promise.resolve(NAMES[name.toLowerCase()] ?? []);

describe(TargetPolicy.name, () => {
  const path = join(mkdtempSync(join(tmpdir(), 'gopher-policy-')), 'policy.toml');
  const service = (localAddr: string) =>
    ({ name: 'web', type: 'tcp', token: 'secret-token', localAddr }) as const;

  function check(text: string | null, ...targets: string[]): Promise<void> {
    if (text !== null) writeFileSync(path, text);
    const policy = new TargetPolicy(text === null ? '/nowhere/policy.toml' : path, resolve);
    return policy.check(targets.map(service));
  }

  const LAN_TARGETS = [
    '127.0.0.1:80',
    'localhost:80',
    '[::1]:80',
    '10.1.2.3:80',
    '172.31.0.1:80',
    '192.168.1.5:22',
    '169.254.1.1:80',
    '100.64.0.1:80',
    '[fd00::1]:80',
    '[fe80::1]:80',
    '[::ffff:10.0.0.1]:80',
    'nas.local:445',
    'sleeps.local:80',
  ];
  const FOREIGN = [
    '203.0.113.7:80',
    '172.32.0.1:80',
    '100.128.0.1:80',
    '[2001:db8::1]:80',
    '[::ffff:203.0.113.7]:80',
    'example.com:80',
    'both.lan:80',
  ];

  it.each(LAN_TARGETS)('allows %s without a file, and with preset = "lan"', async (target) => {
    await check(null, target);
    await check('preset = "lan"\n', target);
  });

  it.each(FOREIGN)('refuses %s without a file, and with preset = "lan"', async (target) => {
    await expect(check(null, target)).rejects.toThrow(/does not exist: preset = "lan"/);
    await expect(check('# mine\npreset = "lan"\n', target)).rejects.toThrow(
      `"web" leads to ${target}, which the policy of this machine does not allow: ${path}, line 2: preset = "lan"`,
    );
  });

  it.each(['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1', 'a.localhost:1', '0.0.0.0:1'])(
    'allows %s with preset = "local"',
    (target) => check('preset = "local"\n', target),
  );

  it.each(['192.168.1.5:80', 'nas.local:80', 'localhost.lan:80', 'sleeps.local:80'])(
    'refuses %s with preset = "local"',
    async (target) => {
      await expect(check('preset = "local"\n', target)).rejects.toThrow(ConfigRefusedError);
    },
  );

  const RULES = `
# what I share
[[allow]]
hosts = ["192.168.1.5", "10.0.0.0/8", "printer.local", "fd00::/8"]
ports = [80, "8000-8999"]

[[allow]]
hosts = ["127.0.0.1"]
`;

  it.each([
    '192.168.1.5:80',
    'nas.local:8000',
    '10.200.0.1:8999',
    '[fd00::7]:80',
    'Printer.local:80',
    '127.0.0.1:5432',
  ])('allows %s by rules', (target) => check(RULES, target));

  it.each([
    ['192.168.1.5:81', 'line 3: [[allow]] has the host 192.168.1.5, but not port 81'],
    ['10.0.0.1:9000', 'line 3: [[allow]] has the host 10.0.0.1, but not port 9000'],
    ['192.168.1.6:80', 'lines 3, 7: no [[allow]] has the host 192.168.1.6'],
    ['sleeps.local:80', 'lines 3, 7: no [[allow]] has the host sleeps.local'],
    ['both.lan:80', 'lines 3, 7: no [[allow]] has the host both.lan'],
  ])('refuses %s by rules: %s', async (target, why) => {
    await expect(check(RULES, target)).rejects.toThrow(why);
  });

  it('names the one of many that is not allowed, and never a token', async () => {
    const error = await check(RULES, '127.0.0.1:1', '8.8.8.8:53').catch(String);
    expect(error).toContain('8.8.8.8:53');
    expect(error).not.toContain('secret-token');
  });

  it('allows nothing when the list is empty', async () => {
    await expect(check('allow = []\n', '127.0.0.1:1')).rejects.toThrow('it allows nothing');
  });

  it.each([
    ['preset = "lan', 'line 1'],
    ['\npreset = "wan"\n', 'line 2: preset must be "local" or "lan"'],
    ['preset = "lan"\nports = [1]\n', 'line 2: ports is not a setting that belongs here'],
    ['[[allow]]\nports = [80]\n', 'line 1: allow.hosts must be a list of hosts'],
    ['[[allow]]\nhosts = ["a"]\n[[allow]]\nhosts = ["10.0.0.300"]\n', 'line 4: allow.hosts must'],
    ['[[allow]]\nhosts = ["10.0.0.0/33"]\n', 'line 2: allow.hosts must'],
    ['[[allow]]\nhosts = ["a"]\nports = ["9-1"]\n', 'line 3: allow.ports must be a port'],
    ['[[allow]]\nhosts = ["a"]\nports = [0]\n', 'line 3: allow.ports must be a port'],
    ['[[allow]]\nhosts = ["a"]\nport = [1]\n', 'line 3: port is not a setting'],
    ['preset = "lan"\n[[allow]]\nhosts = ["a"]\n', 'either preset'],
    ['', 'either preset'],
  ])('refuses every target while the file is wrong: %j', async (text, why) => {
    const refused = check(text, '127.0.0.1:80');
    await expect(refused).rejects.toThrow(ConfigRefusedError);
    await expect(refused).rejects.toThrow(why);
    await check(text);
  });

  it('refuses every target when the file can not be read', async () => {
    const policy = new TargetPolicy(tmpdir(), resolve);
    await expect(policy.check([service('127.0.0.1:1')])).rejects.toThrow(/can not be read/);
  });
});
