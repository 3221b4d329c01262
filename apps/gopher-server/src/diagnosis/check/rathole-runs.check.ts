import { Injectable } from '@nestjs/common';
import { type Check, failed, passed, warned } from '@gopher/diagnosis';
import { procState } from '@gopher/host';
import { RatholeServer } from '../../edge/rathole/rathole-server.js';
import { EdgeCheck } from '../edge-check.js';

/** As the kernel calls a process that a signal or a debugger has stopped. */
const STOPPED = new Set(['T', 't']);

@Injectable()
export class RatholeRunsCheck extends EdgeCheck {
  readonly id = 'edge-rathole-runs';

  constructor(private readonly rathole: RatholeServer) {
    super();
  }

  look(): Check[] {
    const { state, pid, version, problem } = this.rathole.status();
    if (state !== 'running' || pid === null) {
      const meaning = `rathole does not run on the edge (${state}), so no tunnel serves`;
      const advice = problem ?? 'It is being started again; if it stays so, read its log';
      return [failed(this.id, meaning, { advice })];
    }
    if (STOPPED.has(procState(pid) ?? '')) {
      const meaning = `rathole is stopped by a signal or a debugger (pid ${pid}), so no tunnel serves`;
      return [failed(this.id, meaning, { advice: `Have it go on: kill -CONT ${pid}` })];
    }
    if (problem !== null) {
      const meaning = 'rathole runs, but not with the settings that it should have';
      return [warned(this.id, meaning, { advice: problem })];
    }
    return [passed(this.id, `rathole ${version ?? ''} runs (pid ${pid})`)];
  }
}
