import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { EdgeView } from '@gopher/machine';
import { Reconciler } from '../edge/reconciler.js';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { expectedVersion } from '../http/etag.js';
import { Idempotency, readMade } from '../http/idempotency.js';
import { type Page, toPage } from '../http/paging.js';
import { IdempotencyKeyHeader, IfMatch } from '../http/request-headers.js';
import type { Tunnel } from './tunnel.entity.js';
import {
  type CreateTunnel,
  createTunnel,
  type ListTunnels,
  listTunnels,
  toTunnelView,
  tunnelId,
  tunnelPage,
  type TunnelView,
  tunnelView,
  type UpdateTunnel,
  updateTunnel,
} from './tunnel.schema.js';
import { TunnelService } from './tunnel.service.js';

@ApiTags('tunnels')
@Controller('tunnels')
export class TunnelController {
  constructor(
    private readonly tunnels: TunnelService,
    private readonly idempotency: Idempotency,
    private readonly reconciler: Reconciler,
    private readonly edgeView: EdgeView,
  ) {}

  @Post()
  @ApiOperation({ operationId: 'createTunnel', summary: 'Publish a service of a machine' })
  @ApiCreatedResponse({ standardSchema: tunnelView })
  @ApiProblem(400, 404, 409)
  async create(
    @Body({ schema: createTunnel }) body: CreateTunnel,
    @IdempotencyKeyHeader() key?: string,
  ): Promise<TunnelView> {
    const input = { ...body, port: body.port ?? null };
    await this.tunnels.untilPortClosed(input);
    const request = { key, operation: 'createTunnel', body };
    const { id, made } = await this.idempotency.create(request, (tx) =>
      this.tunnels.create(tx, input),
    );
    this.reconciler.request();
    return this.view(made ?? (await readMade(this.tunnels.get(id))));
  }

  @Get()
  @ApiOperation({ operationId: 'listTunnels', summary: 'List tunnels, oldest first' })
  @ApiOkResponse({ standardSchema: tunnelPage })
  @ApiProblem(400)
  async list(@Query({ schema: listTunnels }) query: ListTunnels): Promise<Page<TunnelView>> {
    const { limit, cursor, machineId } = query;
    const found = await this.tunnels.list({ machineId, after: cursor ?? null, limit: limit + 1 });
    return toPage(
      found.map((tunnel) => this.view(tunnel)),
      limit,
    );
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getTunnel', summary: 'Read one tunnel' })
  @ApiOkResponse({ standardSchema: tunnelView })
  @ApiProblem(400, 404)
  async get(@Param('id', { schema: tunnelId }) id: string): Promise<TunnelView> {
    return this.view(await this.tunnels.get(id));
  }

  @Patch(':id')
  @ApiOperation({
    operationId: 'updateTunnel',
    summary: 'Lead a tunnel to another target, or declare what it speaks',
  })
  @ApiOkResponse({ standardSchema: tunnelView })
  @ApiProblem(400, 404, 409, 412)
  async update(
    @Param('id', { schema: tunnelId }) id: string,
    @Body({ schema: updateTunnel }) body: UpdateTunnel,
    @IfMatch() ifMatch?: string,
  ): Promise<TunnelView> {
    const tunnel = await this.tunnels.change(id, body, expectedVersion(ifMatch));
    this.reconciler.request();
    return this.view(tunnel);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    operationId: 'deleteTunnel',
    summary: 'Remove a tunnel; its port closes at once',
  })
  @ApiNoContentResponse()
  @ApiProblem(400, 404, 412)
  async remove(
    @Param('id', { schema: tunnelId }) id: string,
    @IfMatch() ifMatch?: string,
  ): Promise<void> {
    await this.tunnels.remove(id, expectedVersion(ifMatch));
    await this.reconciler.settled();
  }

  private view(tunnel: Tunnel): TunnelView {
    return toTunnelView(tunnel, this.edgeView.dataPath(tunnel.machineId));
  }
}
