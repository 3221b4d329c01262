import { ProcessSupervisor } from '@gopher/supervisor';
import { AgentConfig } from '../config/agent.config.js';
import { CLIENT_PROCESSES, StateDirectory } from '../state/state-directory.js';
import { lockState } from '../state/state-lock.js';

/** @throws StateInUseError while an agent runs, which would start them again */
export async function stopClients(): Promise<void> {
  const state = new StateDirectory(AgentConfig.fromEnvironment().stateDir);
  await state.prepare();
  const lock = await lockState(state, 'run');
  const supervisor = new ProcessSupervisor({ directory: state.processDirectory });
  try {
    await Promise.all(CLIENT_PROCESSES.map((name) => supervisor.stop(name)));
    process.stdout.write('Both rathole clients are stopped.\n');
  } finally {
    await supervisor.release();
    lock.release();
  }
}
