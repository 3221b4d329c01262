import { System } from '@gopher/host';
import type { AgentConfig } from '../config/agent.config.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import { TargetPolicy } from '../policy/target-policy.js';
import { foundConfigFile } from '../rathole/found-config.js';
import { RatholeBinary } from '../rathole/rathole-binary.js';
import type { ClientName, StateDirectory } from '../state/state-directory.js';
import { lookAtClient } from '../status/local-client.js';
import { findRunningAgent } from '../status/running-agent.js';
import { clockOfEdge } from './edge-date.js';
import { repairedLately } from './repaired-lately.js';
import type { ClientSituation, Situation } from './situation.js';

/** From the state directory and the kernel alone: the agent need not run. Only reads. */
export async function observeSituation(
  config: AgentConfig,
  state: StateDirectory,
  record: EnrolmentRecord,
): Promise<Situation> {
  const [control, data] = await Promise.all([
    clientSituation('control', state, record),
    clientSituation('data', state, record),
  ]);
  return {
    record,
    stateDir: state.root,
    policy: new TargetPolicy(config.policyFile),
    agentPid: findRunningAgent(state),
    clients: { control, data },
    downTunnels: [],
    ratholeVersion: await ratholeVersion(config, data.pid),
    system: new System(),
    policyRefusal: null,
    expectedSha256: '',
    edgeClock: clockOfEdge(record.serverUrl),
  };
}

async function clientSituation(
  name: ClientName,
  state: StateDirectory,
  record: EnrolmentRecord,
): Promise<ClientSituation> {
  const { file, kept, view, pid } = await lookAtClient(state, record, name);
  const found = name === 'data' ? await readFound(state, record) : null;
  return {
    file,
    kept,
    view,
    pid,
    detail: '',
    repaired: repairedLately(found),
    restartNeeded: false,
  };
}

async function readFound(state: StateDirectory, { id }: EnrolmentRecord) {
  const found = await foundConfigFile(state.foundFile)
    .read()
    .catch(() => null);
  return found?.enrolment === id ? found : null;
}

/** Of the data client that runs, else of what would be started; empty when there is none. */
async function ratholeVersion(config: AgentConfig, pid: number | null): Promise<string> {
  const binary = new RatholeBinary(config);
  const running = pid === null ? '' : await binary.versionOf(pid);
  if (running !== '') return running;
  await binary.find().catch(() => '');
  return binary.version;
}
