import { Injectable } from '@nestjs/common';
import type { Check } from '@gopher/diagnosis';
import { procState } from '@gopher/host';
import { RatholeServer } from '../../edge/rathole/rathole-server.js';
import { EdgeCheck } from '../edge-check.js';

/** As the kernel calls a process that a signal or a debugger has stopped. */
const STOPPED = new Set(['T', 't']);

@Injectable()
export class RatholeRunsCheck extends EdgeCheck {
  readonly id = 'edge-rathole-runs';
  readonly leg = 'edge';

  constructor(private readonly rathole: RatholeServer) {
    super();
  }

  look(): Check[] {
    const { state, pid, version, problem } = this.rathole.status();
    const subject = 'rathole server';
    if (state !== 'running' || pid === null) {
      const meaning = `rathole does not run on the edge (${state}), so that no tunnel serves`;
      const advice = problem ?? 'It is being started again; if it stays so, read its log';
      return [this.found('fail', { meaning, advice, subject })];
    }
    if (STOPPED.has(procState(pid) ?? '')) {
      const meaning = `rathole is stopped by a signal or a debugger (pid ${pid}): no tunnel serves`;
      return [this.found('fail', { meaning, advice: `kill -CONT ${pid}`, subject })];
    }
    if (problem !== null) {
      const meaning = 'rathole runs, but not with what Gopher would give it now';
      return [this.found('warn', { meaning, advice: problem, subject })];
    }
    return [this.found('pass', { meaning: `rathole ${version} runs (pid ${pid})`, subject })];
  }
}
