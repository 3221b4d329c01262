import 'reflect-metadata';
import { ServerConfig } from '../../apps/gopher-server/src/config/server.config.js';
import { EdgeIdentity } from '../../apps/gopher-server/src/edge/edge-identity.js';
import { SecretBox } from '../../apps/gopher-server/src/secret/secret-box.js';
import { engineSupervisor } from '../../apps/gopher-server/src/startup/engines.js';
import { openDatabase } from '../../apps/gopher-server/src/startup/open-database.js';
import { StateDirectory } from '../../apps/gopher-server/src/state/state-directory.js';

export type EdgeParts = Awaited<ReturnType<typeof openEdgeParts>>;

/**
 * What gopher-server has before it has an application, in the order in which it gets it; for a
 * process that stands in for it or prepares its database. It adopts the embedded PostgreSQL.
 */
export async function openEdgeParts(settings: Record<string, string>) {
  const config = ServerConfig.parse({ ...process.env, GOPHER_LOG_LEVEL: 'warn', ...settings });
  const supervisor = engineSupervisor(config);
  const state = new StateDirectory(config.stateDir);
  const box = new SecretBox(await state.sealingKey());
  const { database } = await openDatabase(config, supervisor, { log: () => {}, warn: () => {} });
  const identity = await EdgeIdentity.open(database, state, box, config.edgeName);
  return {
    config,
    supervisor,
    state,
    box,
    database,
    identity,
    close: async () => {
      if (database.isInitialized) await database.destroy();
      await supervisor.release();
    },
  };
}
