import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentCaller } from './agent-caller.js';
import { TestMachine } from './agent-process.js';

const CALLS = 2_000;
/** Long enough for several heartbeats; the figure for the books comes from the benchmark. */
const WATCHED_MS = 12_000;

/** The agent as it is shipped: bundled, with its flags, both rathole clients running. */
describe('the footprint of the bundled agent', () => {
  let machine: TestMachine;
  let caller: AgentCaller;
  let pid: number;

  beforeAll(async () => {
    machine = await TestMachine.open();
    machine.useBundle();
    await machine.edge.serveTunnels(machine.ports.agent, machine.ports.check);
    const { code, err } = await machine.enroll();
    if (code !== 0) throw new Error(err);
    await machine.run();
    pid = machine.agent?.pid ?? 0;
    caller = machine.caller(machine.ports.agent);
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  it('stays within 90 MB resident and 40 MB anonymous after 2,000 calls', async () => {
    for (let call = 0; call < CALLS; call++) await caller.status();
    const { resident, anonymous } = memoryMb(pid);
    console.log(`resident ${resident.toFixed(1)} MB, anonymous ${anonymous.toFixed(1)} MB`);
    expect(resident).toBeLessThan(90);
    expect(anonymous).toBeLessThan(40);
  }, 60_000);

  it('idles while it is watched', async () => {
    const stream = caller.watch(5_000);
    // V8 tidies up once, some ten seconds after a burst of work.
    await delay(15_000);
    const before = cpuMs(pid);
    await delay(WATCHED_MS);
    const share = (cpuMs(pid) - before) / WATCHED_MS;
    console.log(`${(share * 100).toFixed(3)} % of a core`);
    stream.cancel();
    // Twice the budget: on a busy machine of two cores every millisecond counts more.
    expect(share).toBeLessThan(0.002);
  }, 60_000);

  it('renews its certificate, for which it loads what it does without otherwise', async () => {
    const { csrPem } = await caller.call<{ csrPem: string }>('createCertificateRequest', {});
    expect(csrPem).toContain('BEGIN CERTIFICATE REQUEST');
  });
});

function memoryMb(pid: number) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const of = (field: string) =>
    Number(new RegExp(`^${field}: +(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
  return { resident: of('Rss'), anonymous: of('Anonymous') };
}

/** Of all its threads, as the scheduler counts it: /proc's own clock ticks are 10 ms long. */
function cpuMs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
    return sum + Number(nanoseconds) / 1e6;
  }, 0);
}
