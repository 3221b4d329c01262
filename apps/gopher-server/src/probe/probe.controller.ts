import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { tunnelId } from '../tunnel/tunnel.schema.js';
import { TunnelService } from '../tunnel/tunnel.service.js';
import { ProbeStore } from './probe-store.js';
import {
  readProbes,
  type ReadProbes,
  toTunnelProbesView,
  tunnelProbesView,
  type TunnelProbesView,
} from './probe.schema.js';

@ApiTags('tunnels')
@Controller('tunnels/:id/probes')
export class ProbeController {
  constructor(
    private readonly tunnels: TunnelService,
    private readonly probes: ProbeStore,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'getTunnelProbes',
    summary: 'How a tunnel was over the last hour, leg by leg',
  })
  @ApiOkResponse({ standardSchema: tunnelProbesView })
  @ApiProblem(400, 404)
  async read(
    @Param('id', { schema: tunnelId }) id: string,
    @Query({ schema: readProbes }) { limit }: ReadProbes,
  ): Promise<TunnelProbesView> {
    const tunnel = await this.tunnels.get(id);
    return toTunnelProbesView(tunnel, await this.probes.lastHour(tunnel), limit);
  }
}
