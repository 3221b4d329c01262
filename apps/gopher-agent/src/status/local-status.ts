import { parseClient, parseHostPort } from '@gopher/rathole';
import { type ProcessView, viewProcess } from '../host/client-process.js';
import { findProcesses } from '../host/running-processes.js';
import { ConnectionLook } from '../host/tcp-connections.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import { runsClientOf } from '../rathole/client-spec.js';
import { isCheckService } from '../rathole/config-guard.js';
import { inForce, initialConfig, keptConfigFile } from '../rathole/kept-config.js';
import { clientFileOf, type ClientName, type StateDirectory } from '../state/state-directory.js';
import { lockHolder } from '../state/state-lock.js';
import { AGENT_VERSION } from '../version.js';

export interface LocalClient {
  state: Exclude<ProcessView, 'gone'> | 'stopped';
  pid: number | null;
}

/** What can be seen on the machine itself, with or without a running agent. */
export interface LocalStatus {
  version: string;
  machine: { id: string; name: string; serverUrl: string };
  agent: { pid: number | null };
  control: LocalClient;
  data: LocalClient;
  config: { file: string; revision: string; sha256: string; tunnels: string[] };
}

export async function observeLocally(
  state: StateDirectory,
  record: EnrolmentRecord,
): Promise<LocalStatus> {
  const control = await readConfig(state, record, 'control');
  const data = await readConfig(state, record, 'data');
  const agent = await lockHolder(state, 'run');
  const names = data.parsed?.services.map(({ name }) => name) ?? [];
  return {
    version: AGENT_VERSION,
    machine: { id: record.machineId, name: record.machineName, serverUrl: record.serverUrl },
    agent: { pid: agent?.pid ?? null },
    control: lookAt(control),
    data: lookAt(data),
    config: {
      file: data.file,
      revision: data.kept.revision,
      sha256: data.kept.sha256,
      tunnels: names.filter((name) => !isCheckService(name)),
    },
  };
}

type ReadConfig = Awaited<ReturnType<typeof readConfig>>;

async function readConfig(state: StateDirectory, enrolment: EnrolmentRecord, name: ClientName) {
  const found = await keptConfigFile(state.keptFile(name))
    .read()
    .catch(() => null);
  const record = found?.enrolment === enrolment.id ? found : initialConfig(enrolment, name);
  const kept = inForce(record);
  const file = clientFileOf(state, enrolment, name === 'control' ? record.slot : name);
  return { file, kept, parsed: parseOrNull(kept.toml) };
}

function lookAt({ file, parsed }: ReadConfig): LocalClient {
  const [pid] = findProcesses(runsClientOf(file));
  if (pid === undefined) return { state: 'stopped', pid: null };
  const end = parsed && parseHostPort(parsed.remoteAddr);
  const view = viewProcess(pid, end && new ConnectionLook(end));
  return view === 'gone' ? { state: 'stopped', pid: null } : { state: view, pid };
}

function parseOrNull(toml: string) {
  try {
    return parseClient(toml);
  } catch {
    return null;
  }
}
