import { failed, passed } from '@gopher/diagnosis';
import { isFrozen } from '../../host/client-process.js';
import type { Examination } from '../examination.js';

export const agentRuns: Examination = {
  ids: ['agent-runs'],
  examine: ({ agentPid }) => {
    if (agentPid === null) {
      const meaning =
        'The agent does not run: tunnels go on, but nobody starts a rathole client that ends, and the edge can change nothing';
      return [
        failed('agent-runs', meaning, { advice: 'Start it: gopher-agent run, or its service' }),
      ];
    }
    if (isFrozen(agentPid)) {
      const meaning = `The agent (process ${agentPid}) is stopped by a signal or a debugger`;
      return [failed('agent-runs', meaning, { advice: `Let it go on: kill -CONT ${agentPid}` })];
    }
    return [passed('agent-runs', `The agent runs (process ${agentPid})`)];
  },
};
