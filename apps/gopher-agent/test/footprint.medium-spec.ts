import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { TestMachine } from './agent-process.js';

const BUNDLE = fileURLToPath(new URL('../dist/gopher-agent.mjs', import.meta.url));
const FLAGS = (process.env['AGENT_FLAGS'] ?? '--lite-mode --max-semi-space-size=1 --max-old-space-size=64').split(' ').filter(Boolean);

describe('the footprint of the agent', () => {
  it('stays within its budget after 2,000 calls, and idles', async () => {
    await using machine = await TestMachine.open();
    await machine.edge.serveTunnels(machine.ports.agent, machine.ports.check);
    await machine.enroll();
    await machine.run([BUNDLE], FLAGS);
    const caller = machine.caller(machine.ports.agent);
    const pid = machine.agent!.pid!;
    await vi.waitFor(() => caller.status(), { timeout: 10_000 });
    console.log('start', memory(pid));
    const t = performance.now();
    for (let call = 0; call < 2_000; call++) await caller.status();
    console.log('2000 calls', performance.now() - t, memory(pid));
    if (process.env['BIG']) {
      const { renderClient, configSha256 } = await import('@gopher/rathole');
      for (let r = 2; r < 8; r++) {
        const services = Array.from({ length: Number(process.env['BIG']) }, (_, i) => ({ name: `svc-${i}-${'x'.repeat(40)}-${r}`, type: 'udp' as const, token: 'a'.repeat(48), localAddr: `127.0.0.1:${1000 + (i % 1000)}` }));
        const toml = renderClient({ remoteAddr: `127.0.0.1:${machine.edge.ports.control}`, remotePublicKey: machine.edge.noise.publicKey, heartbeatTimeoutS: 40, retryIntervalS: 1, services });
        const t = performance.now();
        await caller.call('updateRatholeConfig', { revision: BigInt(r), toml, sha256: configSha256(toml), confirmWithinSeconds: 0 }, 30000);
        console.log('rss push', toml.length, performance.now() - t, memory(pid));
      }
    }
    const stream = caller.watch(5_000);
    await delay(3_000);
    const before = cpuMs(pid);
    const seconds = Number(process.env['IDLE_S'] ?? 10);
    await delay(seconds * 1000);
    const cpu = cpuMs(pid) - before;
    console.log('idle cpu %', cpu / seconds / 10);
    stream.cancel();
    const fast = caller.watch(1_000);
    await delay(1_000);
    const b = cpuMs(pid);
    await delay(seconds * 1000);
    console.log('1 s cpu %', (cpuMs(pid) - b) / seconds / 10, memory(pid));
    fast.cancel();
  }, 120_000);
});

function memory(pid: number) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (field: string) => Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(text)![1]) / 1024;
  return { rss: mb('Rss'), anonymous: mb('Anonymous') };
}

function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6,
    0,
  );
}
