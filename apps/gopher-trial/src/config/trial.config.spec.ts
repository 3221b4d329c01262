import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../trial.errors.js';
import { CHECKOUT } from './checkout.js';
import { TrialConfig } from './trial.config.js';

const LAST_OURS = 32_767;
/** What an installed Gopher listens on by default. */
const INSTALLED = [4_321, 2_333, 4_322, 4_323];

describe(TrialConfig.name, () => {
  const config = TrialConfig.parse({});

  it('has ports of its own, below those that the kernel hands out', () => {
    const ports = config.ports.map(({ port }) => port);
    expect(ports.filter((port) => port > LAST_OURS || INSTALLED.includes(port))).toEqual([]);
    for (const { from, to } of [config.backChannelPorts, config.tunnelPorts]) {
      expect(from).toBeGreaterThan(24_999);
      expect(to).toBeLessThanOrEqual(LAST_OURS);
    }
  });

  it('is described by the help with every setting and its default', () => {
    const help = readFileSync(join(CHECKOUT, 'scripts/setup/help.mjs'), 'utf8');
    for (const { port, setting } of config.ports) {
      expect(help).toMatch(new RegExp(`${setting} .* ${port}\n`));
    }
    const { from, to } = config.tunnelPorts;
    expect(help).toMatch(new RegExp(`GOPHER_TRIAL_TUNNEL_PORTS .* ${from}-${to}\n`));
  });

  it('takes a relative directory from where the person is, not from where npm went', () => {
    const env = { INIT_CWD: '/home/me', GOPHER_TRIAL_DIR: 'x y', GOPHER_RATHOLE: './rathole' };
    expect(TrialConfig.parse(env)).toMatchObject({
      directory: '/home/me/x y',
      rathole: '/home/me/rathole',
    });
  });

  it('takes an empty setting for none', () => {
    expect(TrialConfig.parse({ GOPHER_TRIAL_API_PORT: '', GOPHER_RATHOLE: '' })).toMatchObject({
      apiPort: 14_321,
      rathole: undefined,
    });
  });

  it.each([
    [{ GOPHER_TRIAL_API_PORT: '80' }, 'GOPHER_TRIAL_API_PORT'],
    [{ GOPHER_TRIAL_PAGE_PORT: 'x' }, 'GOPHER_TRIAL_PAGE_PORT'],
    [{ GOPHER_TRIAL_TUNNEL_PORTS: '27000-26000' }, 'must be ascending'],
    [{ GOPHER_TRIAL_TUNNEL_PORTS: '27000' }, 'as in 26000-26999'],
    [{ GOPHER_TRIAL_API_PORT: '14322' }, 'both have port 14322'],
    [{ GOPHER_TRIAL_API_PORT: '25100' }, 'both have port 25100'],
    [{ GOPHER_TRIAL_TUNNEL_PORTS: '24000-25500' }, 'both have port 25000'],
    [{ GOPHER_LOG_LEVEL: 'loud' }, 'GOPHER_LOG_LEVEL'],
  ])('refuses %j', (env, words) => {
    expect(() => TrialConfig.parse(env)).toThrow(UsageError);
    expect(() => TrialConfig.parse(env)).toThrow(words);
  });
});
