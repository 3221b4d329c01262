import type { ProcessStatus } from '@gopher/supervisor';
import type { Trial } from '../trial.js';

const POLL_MS = 3_000;

/** Says in the foreground what dies, what was started again, and how the machine is. */
export function watch(trial: Trial, machineId: string | null): () => void {
  const words = new ProcessWords();
  const stopListening = trial.supervisor.processes.onChange((status) => {
    const line = words.of(status);
    if (line !== null) trial.progress.line(line);
  });
  const stopPolling = machineId === null ? () => {} : watchHealth(trial, machineId);
  return () => {
    stopListening();
    stopPolling();
  };
}

/** What changed about a process, for a person. */
export class ProcessWords {
  private readonly running = new Map<string, number | null>();

  /** null: nothing that needs saying. */
  of({ name, state, pid, lastExit }: ProcessStatus): string | null {
    const before = this.running.get(name);
    this.running.set(name, pid);
    if (state === 'running') {
      return before === null ? `${name} runs again (process ${pid})` : null;
    }
    if (before === null || lastExit === null) return null;
    const { code, signal } = lastExit;
    const how = signal ? `killed by ${signal}` : code === null ? 'it ended' : `exit code ${code}`;
    return `${name} is gone (${how}); it is started again`;
  }
}

/** The machine's health, and the edge's rathole, as the API tells. */
function watchHealth(trial: Trial, machineId: string): () => void {
  let said = 'healthy';
  const look = async () => {
    const health = await healthOf(trial, machineId).catch(() => null);
    // Without an answer there is nothing new: that the server is gone was said already.
    if (health === null || health === said) return;
    said = health;
    trial.progress.line(`this-machine is ${health}`);
  };
  const timer = setInterval(() => void look(), POLL_MS);
  return () => clearInterval(timer);
}

async function healthOf(trial: Trial, machineId: string): Promise<string> {
  const status = await trial.api.machineStatus(machineId);
  if (status === null) return 'no machine of the edge any more; start again to join it again';
  const [reason] = status.reasons;
  return status.health === 'healthy' || !reason ? status.health : `${status.health}: ${reason}`;
}
