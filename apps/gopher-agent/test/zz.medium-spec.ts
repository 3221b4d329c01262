import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { TestMachine } from './agent-process.js';
it('profile', async () => {
  await using machine = await TestMachine.open();
  machine.useBundle();
  await machine.edge.serveTunnels(machine.ports.agent, machine.ports.check);
  await machine.enroll();
  await machine.run();
  const pid = machine.agent!.pid!;
  const caller = machine.caller();
  await vi.waitFor(() => caller.status(), { timeout: 10_000 });
  const stream = caller.watch(5_000);
  let last = cpu(pid); const out: string[] = []; let total = 0;
  for (let i = 0; i < 75; i++) { await delay(1000); const now = cpu(pid); out.push((now - last).toFixed(1)); if (i >= 15) total += now - last; last = now; }
  console.log(out.join(' ')); console.log('avg % over last 60 s', total / 600, memory(pid));
  for (const task of readdirSync(`/proc/${pid}/task`)) console.log(readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim(), Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6);
  const t: number[] = [];
  for (let r = 2; r < 22; r++) { const s = performance.now(); await machine.push(caller, r); t.push(performance.now() - s); }
  console.log('push through tunnel ms', t.map((x) => x.toFixed(0)).join(' '));
  const direct = machine.caller(machine.ports.agent); await direct.status(); t.length = 0;
  for (let r = 22; r < 42; r++) { const s = performance.now(); await machine.push(direct, r); t.push(performance.now() - s); }
  console.log('push direct ms', t.map((x) => x.toFixed(0)).join(' '));
  stream.cancel();
}, 200_000);
function memory(pid: number) { const t = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'); return ['Rss', 'Anonymous'].map((f) => Number(new RegExp(`^${f}: +(\\d+)`, 'm').exec(t)![1]) / 1024); }
function cpu(pid: number) { return readdirSync(`/proc/${pid}/task`).reduce((s, t) => s + Number(readFileSync(`/proc/${pid}/task/${t}/schedstat`, 'utf8').split(' ')[0]) / 1e6, 0); }
