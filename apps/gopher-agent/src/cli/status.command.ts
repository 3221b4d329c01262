import { AgentConfig } from '../config/agent.config.js';
import { readEnrolment } from '../identity/enrolment-record.js';
import { type LocalStatus, observeLocally } from '../status/local-status.js';
import { StateDirectory } from '../state/state-directory.js';
import { renderTable } from './table.js';

/** Needs no running agent: it looks at the machine itself. 0 when all is well, 1 otherwise. */
export async function status({ json }: { json?: boolean }): Promise<number> {
  const state = new StateDirectory(AgentConfig.fromEnvironment().stateDir);
  const local = await observeLocally(state, await readEnrolment(state));
  process.stdout.write(json ? `${JSON.stringify(local)}\n` : renderTable(rowsOf(local)));
  return local.control.state === 'connected' && local.data.state === 'connected' ? 0 : 1;
}

function rowsOf(local: LocalStatus): [string, string][] {
  const { agent, control, data, config, machine } = local;
  const process = (pid: number | null) => (pid === null ? '' : ` (process ${pid})`);
  return [
    ['machine', `${machine.name} (${machine.id})`],
    ['edge', machine.serverUrl],
    [
      'agent',
      agent.pid === null ? 'not running: gopher-agent run' : `running${process(agent.pid)}`,
    ],
    ['control client', `${control.state}${process(control.pid)}`],
    ['data client', `${data.state}${process(data.pid)}`],
    ['tunnels', config.tunnels.join(', ') || 'none'],
    ['configuration', `revision ${config.revision}, ${config.file}`],
    ['version', local.version],
  ];
}
