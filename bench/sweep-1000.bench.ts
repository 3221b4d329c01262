import { startFleet } from './support/fleet.js';
import { cpuMsOf, memoryOf } from './support/proc.js';
import { startEdge } from './support/product.js';
import type { Scene } from './support/scene.js';
import { median } from './support/statistics.js';
import type { SweepRequest, SweepResponse } from './support/sweep.process.js';
import { Worker } from './support/worker.js';

const AGENTS = 1_000;
const SWEEPS = 10;
/** What gopher-server's main.ts sets for itself. */
const SERVER_FLAGS = ['--max-semi-space-size=1'];

/** One pass of MachineHealthSweep over all agents. */
export async function sweep1000(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  await edge.endServer('SIGTERM');
  const fleet = await startFleet(scene, edge, AGENTS);
  const server = await Worker.start<SweepRequest, SweepResponse>(scene, 'sweep', SERVER_FLAGS);
  await server.ask({ does: 'open', settings: edge.environment() });
  let silent = 0;
  const sweep = async () => {
    scene.goOn();
    const result = await server.ask({ does: 'sweep' });
    silent += AGENTS - result.answered;
    return result.ms;
  };

  const emptyMb = memoryOf(server.pid).residentMb;
  scene.note('the first sweep, which connects');
  const cold = { ms: await sweep(), silent };
  silent = 0;
  scene.note('warm sweeps');
  const cpuBefore = { server: cpuMsOf(server.pid), fleet: cpuMsOf(fleet.pid) };
  const quiet: number[] = [];
  const written: number[] = [];
  for (let i = 0; i < SWEEPS; i += 1) {
    await fleet.ask({ does: 'change' });
    written.push(await sweep());
    quiet.push(await sweep());
  }
  scene.report('warm, every report new: median', median(written), 'ms', { atMost: 1_000 });
  scene.report('warm, every report new: most', Math.max(...written), 'ms');
  scene.report('warm, nothing new: median', median(quiet), 'ms', { atMost: 1_000 });
  scene.report('warm, nothing new: most', Math.max(...quiet), 'ms');
  scene.report('warm, agents that were called silent', silent, 'count', { atMost: 0 });
  scene.report('cold, connecting', cold.ms, 'ms');
  scene.report('cold, agents that were called silent', cold.silent, 'count');
  const cpu = (pid: number, before: number) => (cpuMsOf(pid) - before) / (SWEEPS * 2);
  scene.report('CPU of a sweep, the server', cpu(server.pid, cpuBefore.server), 'ms');
  scene.report('CPU of a sweep, the agents', cpu(fleet.pid, cpuBefore.fleet), 'ms');
  scene.report('resident before', emptyMb, 'MB');
  scene.report('resident after', memoryOf(server.pid).residentMb, 'MB');
}
