import { Controller, Get, Header, Param, Query, type StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiEventStream } from '../http/api-event-stream.decorator.js';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { machineId } from '../machine/machine.schema.js';
import { LOG_EVENTS, logDownload, logEvents, logPage, type ReadLogs } from './log-answers.js';
import {
  type MachineLogPage,
  machineLogPage,
  type MachineLogQuery,
  machineLogQuery,
  toLogQuery,
} from './log.schema.js';
import { LogService } from './log.service.js';
import { MACHINE_LOGS, type MachineLog } from './log-source.js';

@ApiTags('logs')
@Controller('machines/:id/logs')
export class MachineLogController {
  constructor(private readonly logs: LogService) {}

  @Get()
  @ApiOperation({
    operationId: 'getMachineLogs',
    summary: 'The newest entries of the logs of a machine, oldest first',
  })
  @ApiOkResponse({ standardSchema: machineLogPage })
  @ApiProblem(400, 404, 409, 502)
  page(
    @Param('id', { schema: machineId }) id: string,
    @Query({ schema: machineLogQuery }) query: MachineLogQuery,
  ): Promise<MachineLogPage> {
    return logPage(this.reading(id, query, false));
  }

  @Get('follow')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'followMachineLogs',
    summary: 'The same, and then what is logged, as server-sent events',
  })
  @ApiEventStream(...LOG_EVENTS)
  @ApiProblem(400, 404, 409, 502)
  follow(
    @Param('id', { schema: machineId }) id: string,
    @Query({ schema: machineLogQuery }) query: MachineLogQuery,
  ): Promise<StreamableFile> {
    return logEvents(this.reading(id, query, true));
  }

  @Get('download')
  @Header('cache-control', 'no-store')
  @ApiOperation({ operationId: 'downloadMachineLogs', summary: 'The same as a file of plain text' })
  @ApiOkResponse({ content: { 'text/plain': { schema: { type: 'string' } } } })
  @ApiProblem(400, 404, 409, 502)
  download(
    @Param('id', { schema: machineId }) id: string,
    @Query({ schema: machineLogQuery }) query: MachineLogQuery,
  ): Promise<StreamableFile> {
    return logDownload(this.reading(id, query, false), id);
  }

  private reading(id: string, query: MachineLogQuery, follow: boolean): ReadLogs<MachineLog> {
    return (signal) => this.logs.ofMachine(id, toLogQuery(query, MACHINE_LOGS, follow), signal);
  }
}
