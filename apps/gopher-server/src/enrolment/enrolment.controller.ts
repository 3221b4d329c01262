import { Body, Controller, Get, Header, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type EnrolmentRequest,
  enrolmentRequest,
  type EnrolmentResponse,
  enrolmentResponse,
} from '@gopher/proto';
import { EdgeIdentity } from '../edge/edge-identity.js';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { Public } from '../http/public.decorator.js';
import { EnrolmentService } from './enrolment.service.js';

@ApiTags('enrolment')
@Controller()
export class EnrolmentController {
  constructor(
    private readonly enrolments: EnrolmentService,
    private readonly edge: EdgeIdentity,
  ) {}

  @Public()
  @Post('enrolments')
  @ApiOperation({
    operationId: 'enrol',
    summary: 'For gopher-agent: exchange a join token for a certificate and a configuration',
  })
  @ApiCreatedResponse({ standardSchema: enrolmentResponse })
  @ApiProblem(400, 404)
  enrol(@Body({ schema: enrolmentRequest }) body: EnrolmentRequest): Promise<EnrolmentResponse> {
    return this.enrolments.enrol(body);
  }

  @Public()
  @Get('ca')
  @Header('content-type', 'application/x-pem-file')
  @ApiOperation({ operationId: 'getCa', summary: "The certificate of the edge's own CA, PEM" })
  @ApiOkResponse({ content: { 'application/x-pem-file': { schema: { type: 'string' } } } })
  @ApiProblem()
  ca(): string {
    return this.edge.ca.certificatePem;
  }
}
