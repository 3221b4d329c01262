import type { LoggerService } from '@nestjs/common';
import { type AgentLogLevel, LOG_LEVELS } from './config/agent.config.js';

type Write = (line: string) => void;

/** One JSON object a line on stdout. Small on purpose: a logging library costs more than the agent may. */
export class JsonLogger implements LoggerService {
  private readonly least: number;

  constructor(
    least: AgentLogLevel,
    private readonly write: Write = (line) => void process.stdout.write(line),
  ) {
    this.least = LOG_LEVELS.indexOf(least);
  }

  log(message: unknown, ...details: unknown[]): void {
    this.put('info', message, details);
  }

  error(message: unknown, ...details: unknown[]): void {
    this.put('error', message, details);
  }

  warn(message: unknown, ...details: unknown[]): void {
    this.put('warn', message, details);
  }

  debug(message: unknown, ...details: unknown[]): void {
    this.put('debug', message, details);
  }

  fatal(message: unknown, ...details: unknown[]): void {
    this.put('error', message, details);
  }

  /** Nest gives the name of the speaker as the last detail. */
  private put(level: AgentLogLevel, message: unknown, details: unknown[]): void {
    if (LOG_LEVELS.indexOf(level) < this.least) return;
    const context = details.at(-1);
    const more = details.slice(0, -1).filter((detail) => detail !== undefined);
    const line = {
      at: new Date().toISOString(),
      level,
      ...(typeof context === 'string' ? { context: speaker(context) } : {}),
      message: textOf(message),
      ...(more.length > 0 ? { details: more.map(textOf) } : {}),
    };
    this.write(`${JSON.stringify(line)}\n`);
  }
}

/** The bundler puts an underscore before the name of a class that speaks of itself. */
const speaker = (context: string): string => context.replace(/^_/, '');

function textOf(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
