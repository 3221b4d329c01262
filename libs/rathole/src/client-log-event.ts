import { parseRatholeLogLine, type RatholeLogLine } from './log.js';

/** What a line of a client's log says about its control channels. */
export type ClientLogEvent =
  | { kind: 'process-started'; at: Date }
  | { kind: 'process-ending' }
  | { kind: 'instance-restarting'; at: Date }
  | { kind: 'config-read'; at: Date }
  | { kind: 'config-refused'; at: Date; reason: string }
  | { kind: 'service-removed'; at: Date; service: string }
  | { kind: 'service-starting'; at: Date; service: string }
  | { kind: 'channel-established'; at: Date; service: string }
  | { kind: 'channel-shut-down'; at: Date; service: string }
  | { kind: 'channel-failed'; at: Date; service: string; reason: string };

const FAILED = /^Failed to run the control channel: (.*?)(?:\. Retry in \S+)?$/;
const REFUSED = /^The changed configuration is invalid\. Ignored: (.*)$/;
const REMOVED = /^Service change detected\. ClientChange\(Delete\("([^"]+)"\)\)$/;
const PANIC = /^thread '[^']*'.* panicked at /;

export function readClientLogLine(line: string): ClientLogEvent | null {
  const parsed = parseRatholeLogLine(line);
  // Its release build aborts on a panic, whichever thread it is in.
  if (!parsed) return PANIC.test(line) ? { kind: 'process-ending' } : null;
  switch (parsed.target) {
    case 'rathole::client':
      return parsed.service === null ? null : channelEvent(parsed, parsed.service);
    case 'rathole::config_watcher':
      return watcherEvent(parsed);
    case 'rathole':
      return changeEvent(parsed);
    default:
      return null;
  }
}

function channelEvent({ at, message }: RatholeLogLine, service: string): ClientLogEvent | null {
  if (message.startsWith('Starting ')) return { kind: 'service-starting', at, service };
  if (message === 'Control channel established') {
    return { kind: 'channel-established', at, service };
  }
  if (message === 'Control channel shutdown') return { kind: 'channel-shut-down', at, service };
  const reason = FAILED.exec(message)?.[1];
  return reason === undefined ? null : { kind: 'channel-failed', at, service, reason };
}

function watcherEvent({ at, message }: RatholeLogLine): ClientLogEvent | null {
  if (message === 'Start watching the config') return { kind: 'process-started', at };
  if (message === 'Config watcher exiting') return { kind: 'process-ending' };
  if (message === 'Rescan the configuration') return { kind: 'config-read', at };
  const reason = REFUSED.exec(message)?.[1];
  return reason === undefined ? null : { kind: 'config-refused', at, reason };
}

function changeEvent({ at, message }: RatholeLogLine): ClientLogEvent | null {
  if (message.startsWith('General configuration change')) {
    return { kind: 'instance-restarting', at };
  }
  const service = REMOVED.exec(message)?.[1];
  return service === undefined ? null : { kind: 'service-removed', at, service };
}
