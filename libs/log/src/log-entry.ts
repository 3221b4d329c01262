export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogEntry<Source extends string = string> {
  /** As written in the entry; null where it has none. */
  at: Date | null;
  source: Source;
  level: LogLevel;
  /** Without the values of tokens and keys, and without control characters but line ends. */
  text: string;
  /** Longer in the log than here. */
  cut: boolean;
}

/** One line of a log, understood. */
export interface ParsedLine {
  at: Date | null;
  level: LogLevel;
  text: string;
}

/** How a program writes its lines. */
export type LineParser = (line: string) => ParsedLine;
