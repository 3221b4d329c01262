import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import { Agent } from '../agent.js';
import { AgentConfig } from '../config/agent.config.js';
import { JsonLogger } from '../json-logger.js';
import { AGENT_VERSION } from '../version.js';

/** Resolves after SIGTERM or SIGINT, when everything but the rathole clients has ended. */
export async function run(): Promise<void> {
  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  // Whoever read the log may go; the tunnels must not go with him.
  process.stdout.on('error', () => {});
  const config = AgentConfig.fromEnvironment();
  const logger = new JsonLogger(config.logLevel);
  Logger.overrideLogger(logger);
  const agent = await Agent.start(config, logger);
  logger.log(`gopher-agent ${AGENT_VERSION} serves the edge (pid ${process.pid})`);
  await stopped;
  logger.log('gopher-agent ends; the rathole clients go on');
  await agent.stop();
  // Whatever still holds a handle, like a lookup under way, must not hold up the end.
  process.exit(0);
}
