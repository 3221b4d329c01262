import { pino } from 'pino';
import type { SupervisorLog } from '@gopher/supervisor';
import type { ServerConfig } from '../config/server.config.js';

export interface ConsoleLog extends SupervisorLog {
  error(message: string): void;
}

/** For what happens outside of the application; the same form as its own log. */
export function consoleLog(level: ServerConfig['logLevel']): ConsoleLog {
  const log = pino({ level });
  return {
    log: (message) => log.info(message),
    warn: (message) => log.warn(message),
    error: (message) => log.error(message),
  };
}
