import {
  FewReaders,
  FileLogReader,
  JournalLogReader,
  type LogFile,
  type LogFiles,
  type LogReader,
  ownLog,
  parseJsonLine,
  parseRatholeLine,
  SecretMask,
} from '@gopher/log';
import { configSecrets } from '@gopher/rathole';
import type { LogPlace } from '../config/agent.config.js';
import { runJournalctl } from '../host/journalctl.js';
import type { Enrolment } from '../identity/enrolment.js';
import type { ControlClient } from '../rathole/control-client.js';
import type { DataClient } from '../rathole/data-client.js';
import type { RatholeObserver } from '../status/rathole-observer.js';

export const MACHINE_LOGS = ['agent', 'control', 'data'] as const;
export type MachineLog = (typeof MACHINE_LOGS)[number];

const MAX_READERS = 8;

const UNITS = [
  { source: 'agent', unit: 'gopher-agent.service', parse: parseJsonLine },
  { source: 'control', unit: 'gopher-rathole-control.service', parse: parseRatholeLine },
  { source: 'data', unit: 'gopher-rathole-data.service', parse: parseRatholeLine },
] as const;

export interface LogWriters {
  enrolment: Enrolment;
  rathole: RatholeObserver;
  control: ControlClient;
  data: DataClient;
}

export function machineLogReader(place: LogPlace, writers: LogWriters): LogReader<MachineLog> {
  return new FewReaders(readerOf(place, writers), MAX_READERS, 'this machine');
}

function readerOf(place: LogPlace, writers: LogWriters): LogReader<MachineLog> {
  const mask = () => new SecretMask(machineSecrets(writers));
  if (place === 'journal') return new JournalLogReader({ run: runJournalctl, units: UNITS, mask });
  const files: LogFiles<MachineLog> = { find: (source) => fileOf(source, writers), mask };
  return new FileLogReader(files);
}

function fileOf(source: MachineLog, { rathole }: LogWriters): LogFile | string {
  if (source === 'agent') return ownLog('gopher-agent', parseJsonLine);
  return { path: rathole.logFile(source), parse: parseRatholeLine };
}

/** What this machine was given and holds, now and in what it goes back to. */
function machineSecrets({ enrolment, control, data }: LogWriters): string[] {
  const { record } = enrolment;
  const kept = [control.state.config, data.configState.config];
  const configs = [record.control, record.data, ...kept, ...kept.map(({ trial }) => trial)];
  const keyLines = record.credentials.keyPem.split('\n').filter((line) => !line.startsWith('-'));
  return [...configs.flatMap((config) => configSecrets(config?.toml ?? '')), ...keyLines];
}
