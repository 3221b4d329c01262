import type { AgentReport } from '../agent/agent-report.js';
import type { MachineService } from '../machine.service.js';
import type { StatusRecorder } from '../status/status-recorder.js';
import { FakeAgentClient } from '../testing/fake-agent-client.js';
import { MachineHealthSweep } from './machine-health.sweep.js';
import type { SelfHeal } from './self-heal.js';

describe(MachineHealthSweep.name, () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('ends in time for the next pass even when a client forgets its deadline', async () => {
    vi.useFakeTimers();
    const machines = Array.from({ length: 1_000 }, (_, i) => ({ id: `${i}`, agentAddr: `a:${i}` }));
    class Stuck extends FakeAgentClient {
      override getStatus(): Promise<AgentReport> {
        return new Promise(() => {});
      }
    }
    const sweep = new MachineHealthSweep(
      { listWithAgent: () => Promise.resolve(machines) } as unknown as MachineService,
      new Stuck(),
      {} as StatusRecorder,
      {} as SelfHeal,
    );
    vi.spyOn(sweep['logger'], 'error').mockImplementation(() => {});
    const pass = sweep.run();
    await vi.advanceTimersByTimeAsync(59_000);
    await expect(pass).resolves.toEqual({ answered: 0, silent: 0, failed: 1_000 });
  });

  it('is no pass, and no failure, when the database does not answer', async () => {
    const sweep = new MachineHealthSweep(
      { listWithAgent: () => Promise.reject(new Error('away')) } as unknown as MachineService,
      new FakeAgentClient(),
      {} as StatusRecorder,
      {} as SelfHeal,
    );
    vi.spyOn(sweep['logger'], 'error').mockImplementation(() => {});
    await expect(sweep.run()).resolves.toEqual({ answered: 0, silent: 0, failed: 0 });
  });
});
