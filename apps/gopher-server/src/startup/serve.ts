import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { InstanceLock } from '@gopher/supervisor';
import { ApiTokens } from '../api-token/api-tokens.js';
import type { ServerConfig } from '../config/server.config.js';
import { EdgeIdentity } from '../edge/edge-identity.js';
import { Reconciler } from '../edge/reconciler.js';
import { createHttpApp } from '../http/create-http-app.js';
import { AgentCertificates } from '../machine/agent-certificates.js';
import { MetricsToken } from '../prometheus/metrics-token.js';
import { SecretBox } from '../secret/secret-box.js';
import { StateDirectory } from '../state/state-directory.js';
import { consoleLog } from './console-log.js';
import { EdgeLock } from './edge-lock.js';
import { engineSupervisor } from './engines.js';
import { openDatabase } from './open-database.js';

/** Runs the server until a signal ends it. rathole and PostgreSQL stay: the next one adopts them. */
export async function serve(config: ServerConfig): Promise<void> {
  const log = consoleLog(config.logLevel);
  const instance = await InstanceLock.acquire(config.stateDir);
  const supervisor = engineSupervisor(config);
  const state = new StateDirectory(config.stateDir);
  const box = new SecretBox(await state.sealingKey());
  const { database, url } = await openDatabase(config, supervisor, log);
  const identity = await EdgeIdentity.open(database, state, box, config.edgeName);
  const edge = await EdgeLock.acquire(url, identity.value, (error) => {
    log.error(error.message);
    process.exit(1);
  });
  const app = await createHttpApp({ config, database, identity, state, box, supervisor });
  await begin(app, config);
  const tokens = app.get(ApiTokens);
  log.log(`API on http://${config.host}:${config.port}, its token in ${tokens.file}`);
  log.log(`/metrics for Prometheus, its token in ${app.get(MetricsToken).file}`);
  await untilSignal();
  await app.close();
  await edge.release();
  await supervisor.release();
  instance.release();
}

/** Ready before anyone can ask: the token, the agents' certificates, the running configuration. */
async function begin(app: NestFastifyApplication, config: ServerConfig): Promise<void> {
  await app.get(ApiTokens).prepare();
  await app.get(AgentCertificates).load();
  await app.init();
  app.useLogger(app.get(Logger));
  await app.get(Reconciler).settled();
  await app.listen(config.port, config.host);
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}
