import { Controller, Get, Header, Query, type StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiEventStream } from '../http/api-event-stream.decorator.js';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { LOG_EVENTS, logDownload, logEvents, logPage, type ReadLogs } from './log-answers.js';
import {
  type EdgeLogPage,
  edgeLogPage,
  type EdgeLogQuery,
  edgeLogQuery,
  toLogQuery,
} from './log.schema.js';
import { LogService } from './log.service.js';
import { EDGE_LOGS, type EdgeLog } from './log-source.js';

@ApiTags('logs')
@Controller('edge/logs')
export class EdgeLogController {
  constructor(private readonly logs: LogService) {}

  @Get()
  @ApiOperation({
    operationId: 'getEdgeLogs',
    summary: 'The newest entries of the logs of this edge, oldest first',
  })
  @ApiOkResponse({ standardSchema: edgeLogPage })
  @ApiProblem(400, 409)
  page(@Query({ schema: edgeLogQuery }) query: EdgeLogQuery): Promise<EdgeLogPage> {
    return logPage(this.reading(query, false));
  }

  @Get('follow')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'followEdgeLogs',
    summary: 'The same, and then what is logged, as server-sent events',
  })
  @ApiEventStream(...LOG_EVENTS)
  @ApiProblem(400, 409)
  follow(@Query({ schema: edgeLogQuery }) query: EdgeLogQuery): Promise<StreamableFile> {
    return logEvents(this.reading(query, true));
  }

  @Get('download')
  @Header('cache-control', 'no-store')
  @ApiOperation({ operationId: 'downloadEdgeLogs', summary: 'The same as a file of plain text' })
  @ApiOkResponse({ content: { 'text/plain': { schema: { type: 'string' } } } })
  @ApiProblem(400, 409)
  download(@Query({ schema: edgeLogQuery }) query: EdgeLogQuery): Promise<StreamableFile> {
    return logDownload(this.reading(query, false), 'edge');
  }

  private reading(query: EdgeLogQuery, follow: boolean): ReadLogs<EdgeLog> {
    return (signal) => this.logs.ofEdge(toLogQuery(query, EDGE_LOGS, follow), signal);
  }
}
