import { setTimeout as delay } from 'node:timers/promises';
import type { TestEdge, TestMachine } from '../test/product/index.js';
import { until } from '../test/product/index.js';
import { firstByte } from './support/first-byte.js';
import { stateOf } from './support/proc.js';
import { joinMachine, startEdge, startTarget } from './support/product.js';
import type { Scene } from './support/scene.js';
import { median, percentile } from './support/statistics.js';

const MACHINES = 10;
const FROZEN_CLIENTS = 4;
const FROZEN_AGENTS = 3;
/** A client that ran this long is started again at once when it ends: 30 s, see BackOff, and a bit. */
const FORGIVEN_MS = 31_000;
/** Between two kills, so that the machine is not busy with the one before. */
const PAUSE_MS = 500;

interface Patient {
  machine: TestMachine;
  address: string;
}

/** What a visitor and a reader of the status meet when something on a machine dies or freezes. */
export async function heal(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  const patients = await join(scene, edge);
  const killed: number[] = [];
  const killOnce = async (some: readonly Patient[]) => {
    for (const patient of some) {
      killed.push(await servesAgain(scene, patient, 'SIGKILL', 20_000));
      await delay(PAUSE_MS);
    }
  };

  scene.note('killing each data client');
  await killOnce(patients);
  scene.note(`freezing ${FROZEN_CLIENTS} data clients and ${FROZEN_AGENTS} agents`);
  const [clients, agents] = [patients.slice(0, FROZEN_CLIENTS), patients.slice(-FROZEN_AGENTS)];
  const [frozen, said] = await Promise.all([
    staggered(clients, (patient) => servesAgain(scene, patient, 'SIGSTOP', 40_000)),
    staggered(agents, ({ machine }) => saysSilent(scene, edge, machine)),
  ]);
  scene.note(`waiting ${FORGIVEN_MS / 1_000} s, as long as a kill counts against the next`);
  await delay(FORGIVEN_MS);
  scene.note('killing each data client again');
  await killOnce(patients);

  scene.report('data client killed, p50', median(killed), 'ms');
  scene.report('data client killed, p95', percentile(killed, 0.95), 'ms', { atMost: 1_500 });
  scene.report('data client killed, most', Math.max(...killed), 'ms');
  scene.report('data client frozen, median', median(frozen), 'ms');
  scene.report('data client frozen, most', Math.max(...frozen), 'ms', { atMost: 20_000 });
  scene.report('agent frozen until the status says so, median', median(said), 'ms');
  scene.report('agent frozen until the status says so, most', Math.max(...said), 'ms', {
    atMost: 15_000,
  });
}

async function join(scene: Scene, edge: TestEdge): Promise<Patient[]> {
  const target = await startTarget(scene, edge);
  const patients: Patient[] = [];
  for (let i = 1; i <= MACHINES; i += 1) {
    const machine = await joinMachine(scene, edge, `machine-${i}`);
    const { address } = await edge.publish(machine.id, target.address);
    patients.push({ machine, address });
    scene.note(`${i} of ${MACHINES} machines joined`);
  }
  return patients;
}

/** @returns the ms from the signal on until a visitor who came after it had taken effect is served */
async function servesAgain(
  scene: Scene,
  { machine, address }: Patient,
  signal: 'SIGKILL' | 'SIGSTOP',
  timeoutMs: number,
): Promise<number> {
  scene.goOn();
  const pid = machine.clientPid('data');
  const began = performance.now();
  process.kill(pid, signal);
  const took = signal === 'SIGKILL' ? [null, 'Z', 'X'] : ['T'];
  while (!took.includes(stateOf(pid))) await delay(1);
  return (await firstByte(address, { everyMs: 20, timeoutMs })) - began;
}

/** @returns the ms from the signal on until the status no longer says that the agent is up */
async function saysSilent(scene: Scene, edge: TestEdge, machine: TestMachine): Promise<number> {
  scene.goOn();
  const pid = machine.agent!.pid;
  const began = performance.now();
  process.kill(pid, 'SIGSTOP');
  try {
    await until(
      'the agent is not said to be up',
      async () => (await edge.status(machine.id)).agent?.status !== 'up',
    );
    return performance.now() - began;
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** The next one begins a second after the one before, whether that has ended or not. */
function staggered<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  return Promise.all(items.map((item, i) => delay(i * 1_000).then(() => work(item))));
}
