import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { FakeEdge } from './fake-edge.js';
import { AgentCaller } from './agent-caller.js';
import { freePort } from './ports.js';
import { RatholeClientState } from '@gopher/proto';

const MAIN = new URL('../dist/main.js', import.meta.url).pathname;
it('smoke', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'gopher-agent-'));
  const edge = await FakeEdge.open(join(dir, 'edge'));
  const [agentPort, checkPort] = [await freePort(), await freePort()];
  const env = { ...process.env, GOPHER_AGENT_STATE_DIR: join(dir, 'state'), GOPHER_AGENT_PORT: String(agentPort), GOPHER_AGENT_CHECK_PORT: String(checkPort), NODE_OPTIONS: '' };
  await edge.serveTunnels(agentPort, checkPort);
  const enrol = spawn(process.execPath, [MAIN, 'enroll', '--server', edge.url, '--token', edge.token, '--ca-fingerprint', edge.ca.fingerprint, '--json'], { env, stdio: 'inherit' });
  const code = await new Promise((r) => enrol.on('exit', r));
  expect(code).toBe(0);
  const agent = spawn(process.execPath, [MAIN, 'run'], { env, stdio: 'inherit' });
  const caller = new AgentCaller(edge, { port: edge.ports.agent });
  try {
    await vi.waitFor(async () => {
      const s = await caller.status();
      console.log(s);
      expect(s.data?.state).toBe(RatholeClientState.CONNECTED);
    }, { timeout: 10000, interval: 300 });
    const w = caller.watch();
    await w.until('x', () => true);
    const port = await freePort();
    edge.tunnels.push(edge.tunnel('web', `127.0.0.1:${edge.ports.http}`, port));
    await edge.serveTunnels(agentPort, checkPort);
    const t = performance.now();
    console.log(await caller.call('updateRatholeConfig', { ...edge.dataConfig(checkPort, 2), revision: 2n, confirmWithinSeconds: 0 }), performance.now() - t);
    console.log(await w.until('two', (s) => s.activeTunnels === 1), performance.now() - t);
    w.cancel();
  } finally {
    caller.close();
    agent.kill('SIGTERM');
    console.log(await new Promise((r) => agent.on('exit', (c, s) => r([c, s]))));
    console.log(spawnSync(process.execPath, [MAIN, 'stop-clients'], { env, encoding: 'utf8' }));
    await edge.close();
  }
});
