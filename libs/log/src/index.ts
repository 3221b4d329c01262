export { cleanText } from './clean-text.js';
export { FewReaders } from './few-readers.js';
export { FileLogReader, type LogFile, type LogFiles } from './file-log-reader.js';
export { type Journal, JournalLogReader, type RunningCommand } from './journal-log-reader.js';
export { LOG_LEVELS, type LogEntry, type LogLevel } from './log-entry.js';
export { type LogQuery, MAX_CONTAINS_CHARS, MAX_TAIL } from './log-query.js';
export {
  type LogBatch,
  LogError,
  LogReader,
  LogUnavailableError,
  TooManyLogReadersError,
} from './log-reader.js';
export { NewestEntries } from './newest-entries.js';
export { LogTail } from './log-tail.js';
export { ownLog } from './own-log.js';
export { parseJsonLine, parseRatholeLine } from './parse-line.js';
export { SecretMask } from './secret-mask.js';
