import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contrast, eventually, setUp } from './support.mjs';

/** The server asks for 20 s without an acknowledgement; a heartbeat a second has something to wait for. */
const NOTICED_MS = 28_000;
const HEARTBEAT_S = 1;
const [SERVER, CLIENT] = ['10.213.7.1', '10.213.7.2'];
const [PORT, VISITOR_PORT] = [2_333, 2_334];

const skip =
  process.getuid() !== 0
    ? 'only root can make network namespaces'
    : spawnSync('ip', ['netns', 'list']).status !== 0 &&
      'there is no ip, or it makes no namespaces';

contrast('a host that vanishes without a word is noticed, and its port closes', vanishes, { skip });

async function vanishes(world) {
  const net = await setUp(() => twoHosts(world));
  const service = [{ name: 'a', visitorPort: VISITOR_PORT, targetPort: 9 }];
  const config = { port: PORT, services: service, heartbeat: HEARTBEAT_S };
  const server = world.serverConfig(config).replaceAll('127.0.0.1', SERVER);
  const client = world.clientConfig(config).replaceAll(`127.0.0.1:${PORT}`, `${SERVER}:${PORT}`);
  await world.rathole(server, { program: await net.inside(net.server) });
  await world.rathole(client, { program: await net.inside(net.client) });
  await setUp(() => eventually(() => net.listens(VISITOR_PORT), 8_000, 'the port opens'));

  net.cut();
  const took = await eventually(() => !net.listens(VISITOR_PORT), NOTICED_MS, 'the port closes');
  world.say(`closed ${Math.round(took / 1_000)} s after the link was cut`);
}

/** Two network namespaces and a cable between them, gone with the test. */
function twoHosts(world) {
  const id = process.pid.toString(36);
  const [server, client] = [`gs${id}`, `gc${id}`];
  const ip = (...args) => {
    const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
    assert.equal(status, 0, `ip ${args.join(' ')}: ${stderr}`);
  };
  for (const name of [server, client]) {
    ip('netns', 'add', name);
    world.onEnd(() => ip('netns', 'delete', name));
  }
  ip(
    'link',
    'add',
    server,
    'netns',
    server,
    'type',
    'veth',
    'peer',
    'name',
    client,
    'netns',
    client,
  );
  for (const [name, address] of [
    [server, SERVER],
    [client, CLIENT],
  ]) {
    ip('-n', name, 'address', 'add', `${address}/24`, 'dev', name);
    ip('-n', name, 'link', 'set', name, 'up');
  }
  return {
    server,
    client,
    /** On the client's side: the server's own end stays up, and nothing tells it. */
    cut() {
      ip('-n', client, 'address', 'flush', 'dev', client);
      ip('-n', client, 'route', 'add', 'blackhole', `${SERVER}/32`);
    },
    async inside(name) {
      const script = join(world.dir, name);
      await writeFile(script, `#!/bin/sh\nexec ip netns exec ${name} '${world.program}' "$@"\n`);
      await chmod(script, 0o755);
      return script;
    },
    listens(port) {
      const { stdout } = spawnSync('ip', ['netns', 'exec', server, 'cat', '/proc/net/tcp'], {
        encoding: 'utf8',
      });
      const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
      return stdout.split('\n').some((line) => {
        const [, near, , state] = line.trim().split(/\s+/);
        return near?.endsWith(local) && state === '0A';
      });
    },
  };
}
