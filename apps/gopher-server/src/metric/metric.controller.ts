import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { machineId } from '../machine/machine.schema.js';
import { MetricHistory } from './metric-history.js';
import {
  metricHistoryView,
  type MetricHistoryView,
  metricQuery,
  type MetricQuery,
} from './metric.schema.js';

@ApiTags('metrics')
@Controller()
export class MetricController {
  constructor(private readonly history: MetricHistory) {}

  @Get('machines/:id/metrics')
  @ApiOperation({
    operationId: 'getMachineMetrics',
    summary: 'What a machine measured: now, and over the last hour',
  })
  @ApiOkResponse({ standardSchema: metricHistoryView })
  @ApiProblem(400, 404)
  ofMachine(
    @Param('id', { schema: machineId }) id: string,
    @Query({ schema: metricQuery }) query: MetricQuery,
  ): Promise<MetricHistoryView> {
    return this.history.ofMachine(id, query);
  }

  @Get('edge/metrics')
  @ApiOperation({
    operationId: 'getEdgeMetrics',
    summary: 'What this edge measured: now, and over the last hour',
  })
  @ApiOkResponse({ standardSchema: metricHistoryView })
  @ApiProblem(400)
  ofEdge(@Query({ schema: metricQuery }) query: MetricQuery): Promise<MetricHistoryView> {
    return this.history.ofEdge(query);
  }
}
