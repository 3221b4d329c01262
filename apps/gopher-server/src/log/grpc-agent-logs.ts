import { Injectable } from '@nestjs/common';
import { type ClientReadableStream, type ServiceError, status } from '@grpc/grpc-js';
import type { LogBatch, LogQuery } from '@gopher/log';
import { type AgentTarget, AgentUnreachableError } from '@gopher/machine';
import { AgentService, type GetLogsResponse } from '@gopher/proto';
import { GrpcAgentClient } from '../machine/grpc-agent-client.js';
import { AgentLogs } from './agent-logs.js';
import { AgentLacksLogsError, LogsUnreadableError, TooManyLogReadersError } from './log.errors.js';
import { toGetLogsRequest, toLogBatch } from './agent-logs.mapper.js';
import type { MachineLog } from './log-source.js';

/** Looking through a whole log for a word takes a small machine a few seconds. */
const SILENCE_MS = 10_000;
/** What was logged already has an end, also over a slow line. */
const PAGE_DEADLINE_MS = 120_000;

@Injectable()
export class GrpcAgentLogs extends AgentLogs {
  constructor(private readonly agents: GrpcAgentClient) {
    super();
  }

  async *read(
    target: AgentTarget,
    query: LogQuery<MachineLog>,
    signal: AbortSignal,
  ): AsyncGenerator<LogBatch<MachineLog>> {
    const { client } = await this.agents.channel(target);
    if (signal.aborted) return;
    const { path, requestSerialize, responseDeserialize } = AgentService.getLogs;
    const request = toGetLogsRequest(query);
    const stream = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      query.follow ? {} : { deadline: Date.now() + PAGE_DEADLINE_MS },
    );
    const cancel = () => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      yield* batchesOf(stream);
    } catch (error) {
      if (!signal.aborted) throw errorOf(target, error as ServiceError);
    } finally {
      signal.removeEventListener('abort', cancel);
      // What is not wanted any more may still be on its way, and then fails.
      stream.on('error', () => {});
      stream.cancel();
    }
  }
}

/** A stream that is not read holds back the agent: nothing piles up here. */
async function* batchesOf(
  stream: ClientReadableStream<GetLogsResponse>,
): AsyncGenerator<LogBatch<MachineLog>> {
  const messages = stream[Symbol.asyncIterator]() as AsyncIterator<GetLogsResponse>;
  for (let caughtUp = false; ;) {
    const silence = caughtUp ? null : setTimeout(() => stream.destroy(silent()), SILENCE_MS);
    const { done, value } = await messages.next().finally(() => silence && clearTimeout(silence));
    if (done) return;
    yield toLogBatch(value);
    caughtUp ||= value.caughtUp;
  }
}

const silent = (): Error => new Error(`It said nothing for ${SILENCE_MS / 1_000} s`);

function errorOf({ id }: AgentTarget, error: ServiceError): Error {
  const reason = error.details || error.message;
  switch (error.code) {
    case status.UNIMPLEMENTED:
      return new AgentLacksLogsError(id, { cause: error });
    case status.FAILED_PRECONDITION:
      return new LogsUnreadableError(`Machine ${id}: ${reason}`, { cause: error });
    case status.RESOURCE_EXHAUSTED:
      return new TooManyLogReadersError(`Machine ${id}: ${reason}`, { cause: error });
    default:
      return new AgentUnreachableError(id, reason, { cause: error });
  }
}
