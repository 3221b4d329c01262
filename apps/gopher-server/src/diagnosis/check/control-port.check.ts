import { connect } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { Check } from '@gopher/diagnosis';
import { parseHostPort } from '@gopher/rathole';
import { ServerConfig } from '../../config/server.config.js';
import { RatholeServer } from '../../edge/rathole/rathole-server.js';
import { reachable } from '../../probe/reachable.js';
import { EdgeCheck, ms } from '../edge-check.js';

const PATIENCE_MS = 1_000;

type Answer = { met: 'ended'; afterMs: number } | { met: 'silence' } | { met: 'refused'; why: string };

/** Whether rathole takes machines within a second, and not only the kernel for it. */
@Injectable()
export class ControlPortCheck extends EdgeCheck {
  readonly id = 'edge-control-port';
  readonly leg = 'edge';

  constructor(
    private readonly config: ServerConfig,
    private readonly rathole: RatholeServer,
  ) {
    super();
  }

  async look(): Promise<Check[]> {
    const subject = this.rathole.bindAddr ?? this.config.ratholeBind;
    const { host, port } = parseHostPort(subject)!;
    const answer = await knock(reachable(host), port);
    if (answer.met === 'ended') {
      const meaning = `rathole's control port ${subject} answers`;
      return [this.found('pass', { meaning, subject, measured: ms(answer.afterMs) })];
    }
    if (answer.met === 'refused') {
      const meaning = `rathole's control port ${subject} can not be reached on the edge itself: ${answer.why}`;
      const advice = 'See whether rathole runs, and whether another program has the port';
      return [this.found('fail', { meaning, advice, subject })];
    }
    const meaning = `rathole's control port ${subject} takes a connection, and does nothing with it for ${PATIENCE_MS} ms`;
    const advice =
      "rathole is frozen or held up: someone's connection that says nothing does this to one without Gopher's patches";
    return [this.found('fail', { meaning, advice, subject })];
  }
}

/** Hangs up at once: rathole, when it comes to this connection, ends it as well. */
function knock(host: string, port: number): Promise<Answer> {
  const began = performance.now();
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    let connected = false;
    const end = (answer: Answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const ended = () => end({ met: 'ended', afterMs: performance.now() - began });
    const timer = setTimeout(
      () => end(connected ? { met: 'silence' } : { met: 'refused', why: 'no answer in time' }),
      PATIENCE_MS,
    );
    socket.on('connect', () => {
      connected = true;
      socket.end();
      socket.resume();
    });
    socket.on('end', ended);
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (connected) ended();
      else end({ met: 'refused', why: code ?? message });
    });
  });
}
