import { type Check, failed, passed } from '@gopher/diagnosis';
import { CLIENT_NAMES, type ClientName } from '../../state/state-directory.js';
import type { Examination } from '../examination.js';
import { configOf, type Situation } from '../situation.js';

const IDS = { control: 'control-client', data: 'data-client' } as const;
const CARRIES = { control: "the edge's way to this agent", data: 'all tunnels' } as const;

const MAX_NAMED = 5;

/** Whether one carries bytes is not to be seen from here: `data-path` of the edge tells. */
export const clients: Examination = {
  ids: ['control-client', 'data-client'],
  examine: (situation) => CLIENT_NAMES.map((name) => check(name, situation)),
};

function check(name: ClientName, situation: Situation): Check {
  const { view, pid, detail, file } = situation.clients[name];
  const subject = name;
  const more = detail ? `: ${detail}` : '';
  const fail = (meaning: string, advice: string) => failed(IDS[name], meaning, { subject, advice });
  const remote = configOf(situation.clients[name])?.remoteAddr ?? 'the edge';
  switch (view) {
    case 'gone':
      return fail(
        `The ${name} client, which carries ${CARRIES[name]}, does not run${more}`,
        situation.agentPid === null
          ? 'Start the agent, which starts it: gopher-agent run, or its service'
          : `The agent goes on trying to start it. See what its log says: ${logOf(situation, file)}`,
      );
    case 'frozen':
      return fail(
        `The ${name} client (process ${pid}), which carries ${CARRIES[name]}, is stopped by a signal or a debugger`,
        `Let it go on: kill -CONT ${pid}`,
      );
    case 'running':
      return fail(
        `The ${name} client (process ${pid}) runs, but holds no connection to ${remote}${more}`,
        `It tries again every second. See what its log says: ${logOf(situation, file)}`,
      );
    case 'connected':
      return name === 'data' ? checkTunnels(situation) : connected(name, pid, remote);
  }
}

const connected = (name: ClientName, pid: number | null, remote: string): Check =>
  passed(IDS[name], `The ${name} client (process ${pid}) runs and is connected to ${remote}`, {
    subject: name,
  });

function checkTunnels(situation: Situation): Check {
  const { downTunnels, clients: all } = situation;
  const remote = configOf(all.data)?.remoteAddr ?? 'the edge';
  if (downTunnels.length === 0) return connected('data', all.data.pid, remote);
  const named = downTunnels
    .slice(0, MAX_NAMED)
    .map(({ name, why }) => (why === null ? name : `${name} (${why})`))
    .join(', ');
  const rest = downTunnels.length - MAX_NAMED;
  const list = rest > 0 ? `${named} and ${rest} more` : named;
  return failed(
    'data-client',
    `The data client (process ${all.data.pid}) is connected to ${remote}, but these of its tunnels are not established: ${list}`,
    {
      subject: 'data',
      measured: { value: downTunnels.length, unit: 'count' },
      advice: `The edge may not know them, or the client hangs. See what its log says: ${logOf(situation, all.data.file)}. If it says nothing, have the edge restart it`,
    },
  );
}

/** Named after the process, as its file is; an adopted one writes where its owner had it write. */
function logOf({ stateDir, record }: Situation, file: string): string {
  if (file === record.adoptedClientFile) return 'where it wrote before it was taken over';
  const process = file.slice(file.lastIndexOf('/') + 1).replace(/\.toml$/, '');
  return `tail ${stateDir}/processes/${process}.log`;
}
