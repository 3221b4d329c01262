import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { machineId } from '../machine/machine.schema.js';
import { tunnelId } from '../tunnel/tunnel.schema.js';
import { type Diagnosis, diagnosisView } from './diagnosis.schema.js';
import { DiagnosisService } from './diagnosis.service.js';

@ApiTags('diagnosis')
@Controller()
export class DiagnosisController {
  constructor(private readonly diagnosis: DiagnosisService) {}

  @Post('edge/diagnose')
  @HttpCode(200)
  @ApiOperation({ operationId: 'diagnoseEdge', summary: 'Look now for what is wrong on the edge' })
  @ApiOkResponse({ standardSchema: diagnosisView })
  @ApiProblem()
  edge(): Promise<Diagnosis> {
    return this.diagnosis.edge();
  }

  @Post('machines/:id/diagnose')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'diagnoseMachine',
    summary: 'Look now, from the edge and on the machine, for what is wrong with one machine',
  })
  @ApiOkResponse({ standardSchema: diagnosisView })
  @ApiProblem(400, 404)
  machine(@Param('id', { schema: machineId }) id: string): Promise<Diagnosis> {
    return this.diagnosis.machine(id);
  }

  @Post('tunnels/:id/diagnose')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'diagnoseTunnel',
    summary: 'Look now, along its whole path, for what is wrong with one tunnel',
  })
  @ApiOkResponse({ standardSchema: diagnosisView })
  @ApiProblem(400, 404)
  tunnel(@Param('id', { schema: tunnelId }) id: string): Promise<Diagnosis> {
    return this.diagnosis.tunnel(id);
  }
}
