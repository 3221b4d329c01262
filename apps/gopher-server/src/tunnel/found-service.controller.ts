import { Controller, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { EdgeView, MachineService } from '@gopher/machine';
import { Reconciler } from '../edge/reconciler.js';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { Idempotency, readMade } from '../http/idempotency.js';
import { IdempotencyKeyHeader } from '../http/request-headers.js';
import { machineId } from '../machine/machine.schema.js';
import { FoundServiceNotFoundError, FoundServiceUnusableError } from './tunnel.errors.js';
import { createTunnel, toTunnelView, type TunnelView, tunnelView } from './tunnel.schema.js';
import { type NewTunnel, TunnelService } from './tunnel.service.js';

const serviceName = z.string().min(1).max(200);

/** What someone wrote into a machine's configuration by hand can become a tunnel. */
@ApiTags('tunnels')
@Controller('machines/:id/found')
export class FoundServiceController {
  constructor(
    private readonly machines: MachineService,
    private readonly tunnels: TunnelService,
    private readonly idempotency: Idempotency,
    private readonly reconciler: Reconciler,
    private readonly edgeView: EdgeView,
  ) {}

  @Post(':name/tunnel')
  @ApiOperation({
    operationId: 'adoptFoundService',
    summary: 'Publish a service that was found in the configuration of a machine',
  })
  @ApiCreatedResponse({ standardSchema: tunnelView })
  @ApiProblem(400, 404, 409)
  async adopt(
    @Param('id', { schema: machineId }) id: string,
    @Param('name', { schema: serviceName }) name: string,
    @IdempotencyKeyHeader() key?: string,
  ): Promise<TunnelView> {
    const input = await this.tunnelOf(id, name);
    const request = { key, operation: 'adoptFoundService', body: { id, name } };
    const found = await this.idempotency.create(request, (tx) => this.tunnels.create(tx, input));
    this.reconciler.request();
    const tunnel = found.made ?? (await readMade(this.tunnels.get(found.id)));
    return toTunnelView(tunnel, this.edgeView.dataPath(id));
  }

  /** @throws MachineNotFoundError, FoundServiceNotFoundError, FoundServiceUnusableError */
  private async tunnelOf(id: string, name: string): Promise<NewTunnel> {
    const { rathole } = await this.machines.status(id);
    const found = rathole?.found?.services.find((service) => service.name === name);
    if (!found) throw new FoundServiceNotFoundError(id, name);
    const { protocol, target } = found;
    const tunnel = createTunnel.safeParse({ machineId: id, protocol, target });
    if (!tunnel.success) throw new FoundServiceUnusableError(name, target);
    return { ...tunnel.data, port: null };
  }
}
