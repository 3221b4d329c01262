import { parseClient, parseHostPort, type RatholeClientConfig } from '@gopher/rathole';
import { type ProcessView, viewProcess } from '../host/client-process.js';
import { findProcesses } from '../host/running-processes.js';
import { ConnectionLook } from '../host/tcp-connections.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import { runsClientOf } from '../rathole/client-spec.js';
import { inForce, initialConfig, type KeptConfig, keptConfigFile } from '../rathole/kept-config.js';
import { clientFileOf, type ClientName, type StateDirectory } from '../state/state-directory.js';

/** One rathole client, as it can be seen with or without a running agent. */
export interface LocalClient {
  file: string;
  kept: KeptConfig;
  /** What is in force; null when it can not be understood. */
  parsed: RatholeClientConfig | null;
  view: ProcessView;
  pid: number | null;
}

export async function lookAtClient(
  state: StateDirectory,
  enrolment: EnrolmentRecord,
  name: ClientName,
): Promise<LocalClient> {
  const found = await keptConfigFile(state.keptFile(name))
    .read()
    .catch(() => null);
  const kept = found?.enrolment === enrolment.id ? found : initialConfig(enrolment, name);
  const file = clientFileOf(state, enrolment, name === 'control' ? kept.slot : name);
  const parsed = parseOrNull(inForce(kept).toml);
  return { file, kept, parsed, ...viewOf(file, parsed) };
}

function viewOf(
  file: string,
  parsed: RatholeClientConfig | null,
): Pick<LocalClient, 'view' | 'pid'> {
  const [pid] = findProcesses(runsClientOf(file));
  if (pid === undefined) return { view: 'gone', pid: null };
  const end = parsed && parseHostPort(parsed.remoteAddr);
  const view = viewProcess(pid, end && new ConnectionLook(end));
  return { view, pid: view === 'gone' ? null : pid };
}

function parseOrNull(toml: string): RatholeClientConfig | null {
  try {
    return parseClient(toml);
  } catch {
    return null;
  }
}
