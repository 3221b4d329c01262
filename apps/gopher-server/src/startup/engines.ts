import { join } from 'node:path';
import { ProcessSupervisor, type Supervisor } from '@gopher/supervisor';
import type { ServerConfig } from '../config/server.config.js';
import { consoleLog } from './console-log.js';

/** Ended in this order: the database last, for the others may still write. */
const ENGINES = ['rathole-server', 'postgres'];

/** Looks after the processes of one edge that are not Gopher's own. */
export const engineSupervisor = (config: ServerConfig): Supervisor =>
  new ProcessSupervisor({
    directory: join(config.stateDir, 'run'),
    log: consoleLog(config.logLevel),
  });

export async function stopEngines(config: ServerConfig): Promise<void> {
  const supervisor = engineSupervisor(config);
  for (const name of ENGINES) await supervisor.stop(name);
  await supervisor.release();
}
