import { type AgentClient, type AgentTarget, AgentUnreachableError } from '@gopher/machine';
import { echo } from './echo.js';

export interface CheckedAgent {
  target: AgentTarget;
  /** The edge's port that leads through the machine's data client to the agent's echo. */
  checkPort: number;
}

export interface DataPathLook {
  /** Whether bytes pass the data client on a new connection; null: it can not be told. */
  passes: boolean | null;
  /** What happened instead; empty when they pass. */
  detail: string;
}

export async function lookAtDataPath(
  agents: AgentClient,
  { target, checkPort }: CheckedAgent,
  timeoutMs: number,
): Promise<DataPathLook> {
  const problem = await echo(checkPort, timeoutMs);
  if (problem === null) return { passes: true, detail: '' };
  const { closed, detail } = problem;
  // It is the agent who echoes: when it is gone, this is how a client that serves ends a visit.
  const isKnown = !closed || (await answers(agents, target));
  return { passes: isKnown ? false : null, detail };
}

async function answers(agents: AgentClient, target: AgentTarget): Promise<boolean> {
  try {
    await agents.getStatus(target);
    return true;
  } catch (error) {
    return !(error instanceof AgentUnreachableError);
  }
}
