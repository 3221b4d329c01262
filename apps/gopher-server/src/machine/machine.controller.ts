import { Body, Controller, Delete, Get, Header, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Machine, MachineService } from '@gopher/machine';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { expectedVersion } from '../http/etag.js';
import { readMade } from '../http/idempotency.js';
import { type Page, toPage } from '../http/paging.js';
import { ONE_TIME_TOKEN, Public } from '../http/public.decorator.js';
import { BearerToken, IdempotencyKeyHeader, IfMatch } from '../http/request-headers.js';
import { MachineAdmission } from './machine-admission.js';
import {
  type CreatedMachineView,
  createdMachineView,
  type CreateMachine,
  createMachine,
  type JoinTokenView,
  joinTokenView,
  type ListMachines,
  listMachines,
  machineId,
  machinePage,
  type MachineStatusView,
  machineStatusView,
  type MachineView,
  machineView,
  type RemovedMachineView,
  removedMachineView,
  toMachineStatusView,
  toMachineView,
  type UpdateMachine,
  updateMachine,
} from './machine.schema.js';

@ApiTags('machines')
@Controller('machines')
export class MachineController {
  constructor(
    private readonly machines: MachineService,
    private readonly admission: MachineAdmission,
  ) {}

  @Post()
  @ApiOperation({ operationId: 'createMachine', summary: 'Register a machine' })
  @ApiCreatedResponse({ standardSchema: createdMachineView })
  @ApiProblem(400, 409)
  async create(
    @Body({ schema: createMachine }) body: CreateMachine,
    @IdempotencyKeyHeader() key?: string,
  ): Promise<CreatedMachineView> {
    const id = await this.admission.create(body, key);
    const join = await readMade(this.admission.joinToken(id));
    return { ...(await this.view(await readMade(this.machines.get(id)))), join };
  }

  @Get()
  @ApiOperation({ operationId: 'listMachines', summary: 'List machines, oldest first' })
  @ApiOkResponse({ standardSchema: machinePage })
  @ApiProblem(400)
  async list(@Query({ schema: listMachines }) query: ListMachines): Promise<Page<MachineView>> {
    const { limit, cursor } = query;
    const found = await this.machines.list({ after: cursor ?? null, limit: limit + 1 });
    const statuses = await this.machines.statuses(found);
    return toPage(
      found.map((machine, i) => toMachineView(machine, statuses[i]!)),
      limit,
    );
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getMachine', summary: 'Read one machine' })
  @ApiOkResponse({ standardSchema: machineView })
  @ApiProblem(400, 404)
  async get(@Param('id', { schema: machineId }) id: string): Promise<MachineView> {
    return this.view(await this.machines.get(id));
  }

  @Get(':id/status')
  @ApiOperation({ operationId: 'getMachineStatus', summary: 'How one machine is' })
  @ApiOkResponse({ standardSchema: machineStatusView })
  @ApiProblem(400, 404)
  async status(@Param('id', { schema: machineId }) id: string): Promise<MachineStatusView> {
    return toMachineStatusView(await this.machines.status(id));
  }

  @Patch(':id')
  @ApiOperation({ operationId: 'updateMachine', summary: 'Rename a machine' })
  @ApiOkResponse({ standardSchema: machineView })
  @ApiProblem(400, 404, 409, 412)
  async update(
    @Param('id', { schema: machineId }) id: string,
    @Body({ schema: updateMachine }) body: UpdateMachine,
    @IfMatch() ifMatch?: string,
  ): Promise<MachineView> {
    return this.view(await this.machines.rename(id, body.name, expectedVersion(ifMatch)));
  }

  @Delete(':id')
  @ApiOperation({
    operationId: 'deleteMachine',
    summary: 'Remove a machine, its tunnels and its certificates',
  })
  @ApiOkResponse({ standardSchema: removedMachineView })
  @ApiProblem(400, 404)
  async remove(@Param('id', { schema: machineId }) id: string): Promise<RemovedMachineView> {
    return { removed: true, onTheMachine: await this.admission.remove(id) };
  }

  @Post(':id/join-tokens')
  @ApiOperation({
    operationId: 'createJoinToken',
    summary: 'A new token to join with, good for 1 h',
  })
  @ApiCreatedResponse({ standardSchema: joinTokenView })
  @ApiProblem(400, 404)
  joinToken(@Param('id', { schema: machineId }) id: string): Promise<JoinTokenView> {
    return this.admission.joinToken(id);
  }

  @Post(':id/client-config-tokens')
  @ApiOperation({
    operationId: 'createClientConfigToken',
    summary:
      'For a machine without an agent: a token to fetch its client.toml once, good for 15 min',
  })
  @ApiCreatedResponse({ standardSchema: joinTokenView })
  @ApiProblem(400, 404, 409)
  clientConfigToken(@Param('id', { schema: machineId }) id: string): Promise<JoinTokenView> {
    return this.admission.clientConfigToken(id);
  }

  @Public(ONE_TIME_TOKEN)
  @Get(':id/client.toml')
  @Header('content-type', 'application/toml')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'getClientConfig',
    summary: 'For a machine without an agent: its rathole configuration, for a one-time token',
  })
  @ApiOkResponse({ content: { 'application/toml': { schema: { type: 'string' } } } })
  @ApiProblem(400, 404)
  clientConfig(
    @Param('id', { schema: machineId }) id: string,
    @BearerToken() token: string | null,
  ): Promise<string> {
    return this.admission.clientConfig(id, token);
  }

  private async view(machine: Machine): Promise<MachineView> {
    const [status] = await this.machines.statuses([machine]);
    return toMachineView(machine, status!);
  }
}
