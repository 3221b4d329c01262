import { hostname } from 'node:os';
import { generateNoiseKeyPair, renderClient } from '@gopher/rathole';
import { ConfigRefusedError } from '../agent.errors.js';
import { parseDataConfig } from './config-guard.js';

describe(parseDataConfig.name, () => {
  const own = { machineId: 'm1', agentPort: 4322, checkPort: 4323 };
  const remotePublicKey = generateNoiseKeyPair().publicKey;
  const config = (name: string, localAddr: string) =>
    renderClient({
      remoteAddr: 'edge.example.com:2333',
      remotePublicKey,
      heartbeatTimeoutS: 40,
      retryIntervalS: 1,
      services: [{ name, type: 'tcp', token: 'abcdefgh12345678abcdefgh12345678', localAddr }],
    });

  it.each([
    ['web', '127.0.0.1:80'],
    ['lan', '192.168.1.5:4322'],
    ['lan', 'nas.lan:4323'],
    ['check.m1', '127.0.0.1:4323'],
  ])('takes %s at %s', (name, target) => {
    expect(parseDataConfig(config(name, target), own).services).toHaveLength(1);
  });

  it.each([
    ['web', '127.0.0.1:4322'],
    ['web', '127.8.8.8:4322'],
    ['web', 'localhost:4322'],
    ['web', 'LocalHost:4322'],
    ['web', '0.0.0.0:4322'],
    ['web', '[::1]:4322'],
    ['web', '[::ffff:127.0.0.1]:4322'],
    ['web', `${hostname()}:4322`],
    ['web', '127.0.0.1:4323'],
    ['check.m1', '127.0.0.1:4322'],
    ['check.m2', '127.0.0.1:4323'],
  ])('never publishes the agent itself: %s at %s', (name, target) => {
    expect(() => parseDataConfig(config(name, target), own)).toThrow(/gopher-agent itself listens/);
  });

  it('says what is wrong with what rathole would refuse', () => {
    expect(() => parseDataConfig('[server]\n', own)).toThrow(ConfigRefusedError);
  });
});
