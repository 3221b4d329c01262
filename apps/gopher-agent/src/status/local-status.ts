import type { ProcessView } from '../host/client-process.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import { isCheckService } from '../rathole/config-guard.js';
import { inForce } from '../rathole/kept-config.js';
import type { StateDirectory } from '../state/state-directory.js';
import { lockHolder } from '../state/state-lock.js';
import { AGENT_VERSION } from '../version.js';
import { lookAtClient, type LocalClient } from './local-client.js';

interface LocalClientStatus {
  state: Exclude<ProcessView, 'gone'> | 'stopped';
  pid: number | null;
}

/** What can be seen on the machine itself, with or without a running agent. */
export interface LocalStatus {
  version: string;
  machine: { id: string; name: string; serverUrl: string };
  agent: { pid: number | null };
  control: LocalClientStatus;
  data: LocalClientStatus;
  config: { file: string; revision: string; sha256: string; tunnels: string[] };
}

export async function observeLocally(
  state: StateDirectory,
  record: EnrolmentRecord,
): Promise<LocalStatus> {
  const control = await lookAtClient(state, record, 'control');
  const data = await lookAtClient(state, record, 'data');
  const agent = await lockHolder(state, 'run');
  const names = data.parsed?.services.map(({ name }) => name) ?? [];
  const { revision, sha256 } = inForce(data.kept);
  return {
    version: AGENT_VERSION,
    machine: { id: record.machineId, name: record.machineName, serverUrl: record.serverUrl },
    agent: { pid: agent?.pid ?? null },
    control: toStatus(control),
    data: toStatus(data),
    config: {
      file: data.file,
      revision,
      sha256,
      tunnels: names.filter((name) => !isCheckService(name)),
    },
  };
}

const toStatus = ({ view, pid }: LocalClient): LocalClientStatus => ({
  state: view === 'gone' ? 'stopped' : view,
  pid,
});
