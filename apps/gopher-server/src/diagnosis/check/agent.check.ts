import { Injectable } from '@nestjs/common';
import { type Check, failed, ms, passed, skipped } from '@gopher/diagnosis';
import { AgentUnreachableError, type MachineStatus } from '@gopher/machine';
import { AgentDiagnosis, type Examination } from '../agent-diagnosis.js';
import { EdgeCheck } from '../edge-check.js';
import type { ExaminedMachine } from '../examined-machine.js';
import { whyUnreachable } from '../why-unreachable.js';

/** Whether the agent answers, and what it finds on its machine. */
@Injectable()
export class AgentCheck extends EdgeCheck<ExaminedMachine> {
  readonly id = 'agent-reachable';
  /** Longer than all the calls of the port together. */
  override readonly deadlineMs = 7_500;

  constructor(private readonly agents: AgentDiagnosis) {
    super();
  }

  async look({ agent, status, declared }: ExaminedMachine): Promise<Check[]> {
    if (!agent) {
      return [skipped(this.id, 'The machine has no agent: this is what the edge alone can tell')];
    }
    try {
      const request = { expectedSha256: expectedOf(status), declared };
      return this.heard(await this.agents.examine(agent.target, request));
    } catch (error) {
      if (!(error instanceof AgentUnreachableError)) throw error;
      return [failed(this.id, ...whyUnreachable(error.reason))];
    }
  }

  private heard({ roundTripMs, answer }: Examination): Check[] {
    const measured = ms(roundTripMs);
    if (answer === 'too-old') {
      const meaning = 'The agent is too old to look at its machine: this is what the edge can tell';
      const advice = 'Run the join command again on the machine: it brings the newest agent';
      const old = skipped('versions', meaning, { advice });
      return [passed(this.id, 'The agent answers', { measured }), old];
    }
    if ('silence' in answer) {
      const meaning = `The agent answers, and could not look at its machine: ${answer.silence}`;
      const advice = 'On the machine, gopher-agent diagnose looks at it as well';
      return [skipped(this.id, meaning, { measured, advice })];
    }
    const { checks, omitted } = answer;
    const more = omitted === 0 ? '' : `; ${omitted} lines of its answer are left out here`;
    return [passed(this.id, `The agent answers${more}`, { measured }), ...checks];
  }
}

/** What is on its way the machine need not have. */
function expectedOf({ revision }: MachineStatus): string | null {
  return revision === null || revision.state === 'pushing' ? null : revision.wanted.sha256;
}
