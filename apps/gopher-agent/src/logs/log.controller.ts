import { Controller, UseFilters, UsePipes } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { LogReader } from '@gopher/log';
import {
  AGENT_SERVICE_NAME,
  type AgentController as AgentCalls,
  type GetLogsRequest,
  type GetLogsResponse,
} from '@gopher/proto';
import { GrpcCall } from '../rpc/grpc-call.js';
import { RpcErrorFilter } from '../rpc/rpc-error.filter.js';
import { RpcValidationPipe } from '../rpc/rpc-validation.pipe.js';
import { type WritableCall, writeToCall } from '../rpc/write-to-call.js';
import { getLogs } from './log.schema.js';
import { toGetLogsResponse, toLogQuery } from './log.mapper.js';
import type { MachineLog } from './machine-log.js';

@Controller()
@UseFilters(RpcErrorFilter)
@UsePipes(RpcValidationPipe)
export class LogController implements Pick<AgentCalls, 'getLogs'> {
  constructor(private readonly logs: LogReader<MachineLog>) {}

  @GrpcMethod(AGENT_SERVICE_NAME, 'getLogs')
  getLogs(
    @Payload({ schema: getLogs }) request: GetLogsRequest,
    _metadata: unknown,
    @GrpcCall() call: WritableCall<GetLogsResponse>,
  ): Observable<GetLogsResponse> {
    return writeToCall(call, (signal) => this.messages(request, signal));
  }

  private async *messages(request: GetLogsRequest, signal: AbortSignal) {
    for await (const batch of this.logs.read(toLogQuery(request), signal)) {
      yield toGetLogsResponse(batch);
    }
  }
}
