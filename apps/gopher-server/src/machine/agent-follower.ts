import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { AgentTarget } from '@gopher/machine';
import { MetricFollower } from '../metric/metric-follower.js';
import { AgentWatch } from './agent-watch.js';
import { DataCheck } from './data-check.js';
import { DataPaths } from './data-paths.js';
import { GrpcAgentClient } from './grpc-agent-client.js';

export interface FollowedAgent {
  target: AgentTarget;
  /** The edge's port that leads through the machine's data client to the agent's echo. */
  checkPort: number;
}

interface Followed extends FollowedAgent {
  abort: AbortController;
}

/** Follows every machine that has an agent, and nobody else. */
@Injectable()
export class AgentFollower implements OnApplicationShutdown {
  private readonly followed = new Map<string, Followed>();
  private readonly held = new Set<string>();
  private ended = false;

  constructor(
    private readonly watch: AgentWatch,
    private readonly check: DataCheck,
    private readonly metrics: MetricFollower,
    private readonly paths: DataPaths,
    private readonly agents: GrpcAgentClient,
  ) {}

  follow(all: readonly FollowedAgent[]): void {
    if (this.ended) return;
    const wanted = new Map(all.map((agent) => [agent.target.id, agent]));
    for (const [id, { target, checkPort }] of this.followed) {
      const next = wanted.get(id);
      const same = next?.target.agentAddr === target.agentAddr && next.checkPort === checkPort;
      if (!same) this.leave(id);
    }
    for (const agent of all) {
      const { id } = agent.target;
      if (!this.followed.has(id) && !this.held.has(id)) this.begin(agent);
    }
  }

  onApplicationShutdown(): void {
    this.ended = true;
    for (const id of [...this.followed.keys()]) this.leave(id);
  }

  private begin(agent: FollowedAgent): void {
    const abort = new AbortController();
    this.followed.set(agent.target.id, { ...agent, abort });
    void this.watch.run(agent.target, abort.signal);
    void this.check.run(agent, abort.signal);
    void this.metrics.run(agent.target, abort.signal);
  }

  /** Until it is released nobody follows it, whatever is asked. */
  hold(id: string): void {
    this.held.add(id);
    this.leave(id);
  }

  /** To be followed the next time that it is asked for. */
  release(id: string): void {
    this.held.delete(id);
  }

  private leave(id: string): void {
    this.followed.get(id)?.abort.abort();
    this.followed.delete(id);
    this.agents.forget(id);
    this.paths.forget(id);
  }
}
