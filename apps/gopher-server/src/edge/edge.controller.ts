import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ServerConfig } from '../config/server.config.js';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { RELEASE } from '../release.js';
import { EdgeIdentity } from './edge-identity.js';
import { edgeView, type EdgeStatusView } from './edge.schema.js';
import { RatholeServer } from './rathole/rathole-server.js';

@ApiTags('edge')
@Controller('edge')
export class EdgeController {
  constructor(
    private readonly identity: EdgeIdentity,
    private readonly config: ServerConfig,
    private readonly rathole: RatholeServer,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'getEdge', summary: 'How this edge is' })
  @ApiOkResponse({ standardSchema: edgeView })
  @ApiProblem()
  get(): EdgeStatusView {
    return {
      id: this.identity.value,
      name: this.identity.name,
      version: RELEASE,
      publicUrl: this.config.publicUrl,
      caFingerprint: this.identity.ca.fingerprint,
      rathole: this.rathole.status(),
    };
  }
}
