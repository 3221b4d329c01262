import { connect } from 'node:net';
import { Injectable } from '@nestjs/common';
import { type Check, failed, ms, passed } from '@gopher/diagnosis';
import { parseHostPort } from '@gopher/rathole';
import { ServerConfig } from '../../config/server.config.js';
import { RatholeServer } from '../../edge/rathole/rathole-server.js';
import { reachable } from '../../probe/reachable.js';
import { EdgeCheck } from '../edge-check.js';

const PATIENCE_MS = 1_000;

type Answer =
  { met: 'ended'; afterMs: number } | { met: 'silence' } | { met: 'refused'; why: string };

/** Whether rathole takes machines within a second, and not only the kernel for it. */
@Injectable()
export class ControlPortCheck extends EdgeCheck {
  readonly id = 'edge-control-port';

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
      const measured = ms(answer.afterMs);
      return [passed(this.id, "rathole's control port answers", { subject, measured })];
    }
    if (answer.met === 'refused') {
      const meaning = `No machine can connect: on the edge itself the control port answers with ${answer.why}`;
      const advice = 'See whether rathole runs, and whether another program has its port';
      return [failed(this.id, meaning, { advice, subject })];
    }
    const meaning = `No machine can connect: rathole's control port takes a connection, and nothing happens for ${PATIENCE_MS} ms`;
    const advice =
      "Restart rathole on the edge; one without Gopher's patches is held up by anyone who connects and says nothing";
    return [failed(this.id, meaning, { advice, subject })];
  }
}

/** Hangs up at once: rathole, once it comes to this connection, ends it as well. */
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
      () => end(connected ? { met: 'silence' } : { met: 'refused', why: 'nothing' }),
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
