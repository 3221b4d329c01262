import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { configSha256, generateNoiseKeyPair } from '@gopher/rathole';
import { findProcesses } from '../src/host/running-processes.js';
import type { AgentCaller } from './agent-caller.js';
import { TestMachine } from './agent-process.js';
import type { OtherEdge } from './fake-edge.js';
import { HealthCaller } from './health-caller.js';

const FAILED = { code: status.FAILED_PRECONDITION };
const INVALID = { code: status.INVALID_ARGUMENT };

/** The control clients that run for this machine, by the name of their file. */
function running(machine: TestMachine): string[] {
  const names = ['control', 'control-2'];
  return names.filter((name) => {
    const file = machine.file('rathole', `${name}.toml`);
    const pids = findProcesses(({ argv }) => argv.includes('--client') && argv.includes(file));
    expect(pids.length).toBeLessThan(2);
    return pids.length > 0;
  });
}

const begin = (caller: AgentCaller, toml: string, confirmWithinSeconds = 60) =>
  caller.call('updateControlConfig', { toml, sha256: configSha256(toml), confirmWithinSeconds });

const confirm = (caller: AgentCaller, toml: string) =>
  caller.call('confirmControlConfig', { sha256: configSha256(toml) });

async function untilReached(machine: TestMachine, port: number): Promise<AgentCaller> {
  const health = new HealthCaller(machine.edge, { port });
  await vi.waitFor(() => health.check(), { timeout: 10_000, interval: 50 });
  return machine.caller(port);
}

describe('a control client that moves', () => {
  let machine: TestMachine;
  let other: OtherEdge;
  let old: AgentCaller;
  let first: string;

  beforeAll(async () => {
    machine = await TestMachine.running();
    other = await machine.edge.openOther(machine.ports.agent);
    old = await untilReached(machine, machine.edge.ports.agent);
    first = machine.edge.controlToml(machine.ports.agent);
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  it('refuses what would not lead to the agent, and what would take the first one its service', async () => {
    const { agent } = machine.ports;
    const service = /\[client\.services\."[^]*$/.exec(other.toml)?.[0] ?? '';
    const bad = [
      '[client]\n',
      other.toml.replace(`:${agent}"`, ':22"'),
      other.toml.replace(`127.0.0.1:${agent}"`, `192.168.1.1:${agent}"`),
      other.toml + service.replace('moved.', 'second.'),
      first.replace('= 40', '= 50'),
    ];
    for (const toml of bad) await expect(begin(old, toml)).rejects.toMatchObject(INVALID);
    const damaged = old.call('updateControlConfig', {
      toml: other.toml,
      sha256: 'a'.repeat(64),
      confirmWithinSeconds: 5,
    });
    await expect(damaged).rejects.toMatchObject(INVALID);
    await expect(confirm(old, other.toml)).rejects.toMatchObject(FAILED);
    expect(running(machine)).toEqual(['control']);
  });

  it('goes nowhere when it does not get through, and the first one was never touched', async () => {
    const pid = machine.clientPid('control');
    const stream = old.watch();
    const wrongKey = /remote_public_key = "[^"]*"/;
    const { publicKey } = generateNoiseKeyPair();
    for (const toml of [
      other.toml.replace(wrongKey, `remote_public_key = "${publicKey}"`),
      other.toml.replace(/remote_addr = "[^"]*"/, 'remote_addr = "127.0.0.1:1"'),
    ]) {
      await begin(old, toml, 1);
      expect(running(machine)).toEqual(['control', 'control-2']);
      await vi.waitFor(() => expect(running(machine)).toEqual(['control']), { timeout: 5_000 });
      await vi.waitFor(() => {
        expect(existsSync(machine.file('rathole', 'control-2.toml'))).toBe(false);
      });
      await expect(confirm(old, toml)).rejects.toMatchObject(FAILED);
    }
    expect(stream.error).toBeNull();
    stream.cancel();
    expect(machine.clientPid('control')).toBe(pid);
    expect(await old.status()).toMatchObject({ controlSha256: configSha256(first) });
  });

  it('is confirmed only by a call that came through it', async () => {
    await begin(old, other.toml);
    const through = await untilReached(machine, other.agentPort);
    const direct = machine.caller(machine.ports.agent);
    for (const caller of [old, direct]) {
      await expect(confirm(caller, other.toml)).rejects.toMatchObject(FAILED);
    }
    expect(running(machine)).toEqual(['control', 'control-2']);
    await confirm(through, other.toml);
    await vi.waitFor(() => expect(running(machine)).toEqual(['control-2']));
    await confirm(through, other.toml);
    expect(await through.status()).toMatchObject({
      controlSha256: configSha256(other.toml),
      control: { pid: machine.clientPid('control-2'), state: 3 },
    });
    await vi.waitFor(() => {
      expect(existsSync(machine.file('rathole', 'control.toml'))).toBe(false);
    });
  });

  it('is what status shows, what is repaired and restarted, and what the next agent adopts', async () => {
    const pid = machine.clientPid('control-2');
    const { out } = await machine.command('status', '--json');
    expect(JSON.parse(out)).toMatchObject({ control: { state: 'connected', pid } });
    await machine.kill('SIGKILL');
    await machine.run();
    const through = await untilReached(machine, other.agentPort);
    expect(await through.status()).toMatchObject({ control: { pid } });
    process.kill(pid, 'SIGKILL');
    const again = await untilReached(machine, other.agentPort);
    await vi.waitFor(async () => {
      expect((await again.status()).control?.pid).toBe(machine.clientPid('control-2'));
    });
    expect(running(machine)).toEqual(['control-2']);
  });

  it('moves back to the first place, and ends with stop-clients wherever it is', async () => {
    const through = await untilReached(machine, other.agentPort);
    await begin(through, first);
    const back = await untilReached(machine, machine.edge.ports.agent);
    await confirm(back, first);
    await vi.waitFor(() => expect(running(machine)).toEqual(['control']));
    await begin(back, other.toml);
    await confirm(await untilReached(machine, other.agentPort), other.toml);
    await machine.kill('SIGTERM');
    await machine.command('stop-clients');
    expect(running(machine)).toEqual([]);
    await machine.run();
    await untilReached(machine, other.agentPort);
    expect(running(machine)).toEqual(['control-2']);
  });
});

describe('an agent that is killed while its control client moves', () => {
  it('is reached through the old one or the new one afterwards, at every step', async () => {
    await using machine = await TestMachine.open();
    machine.useKillPoints();
    await machine.edge.serveTunnels(machine.ports.agent, machine.ports.check);
    await machine.enroll();
    await machine.run();
    const other = await machine.edge.openOther(machine.ports.agent);
    const ways = [
      { toml: machine.edge.controlToml(machine.ports.agent), port: machine.edge.ports.agent },
      { toml: other.toml, port: other.agentPort },
    ];
    let [here, there] = ways as [(typeof ways)[0], (typeof ways)[0]];
    let steps = 0;
    for (let isThrough = false; !isThrough;) {
      steps += 1;
      const caller = await untilReached(machine, here.port);
      const before = (await caller.status()).control?.pid;
      await machine.killAt(steps);
      const answered = await move(machine, caller, there).then(
        () => true,
        () => false,
      );
      const killed = await machine.wasKilled();
      await machine.killAt(null);
      expect([steps, running(machine).length > 0]).toEqual([steps, true]);
      if (killed) await machine.run();
      const kept = JSON.parse(await readFile(machine.file('kept', 'control.json'), 'utf8')) as {
        sha256: string;
        slot: string;
      };
      const isMoved = kept.sha256 === configSha256(there.toml);
      if (answered) expect(isMoved).toBe(true);
      if (isMoved) [here, there] = [there, here];
      const reached = await untilReached(machine, here.port);
      // Whoever is in force was never ended: the old one, or the new one that was confirmed.
      expect((await reached.status()).control?.pid === before).toBe(!isMoved);
      await vi.waitFor(() => expect(running(machine)).toEqual([kept.slot]));
      isThrough = !killed;
    }
    console.log(`killed at ${steps - 1} steps of a move`);
    expect(steps).toBeGreaterThan(15);
  }, 240_000);

  async function move(
    machine: TestMachine,
    caller: AgentCaller,
    to: { toml: string; port: number },
  ): Promise<void> {
    await begin(caller, to.toml);
    await confirm(await untilReached(machine, to.port), to.toml);
  }
});
