import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MachineEvents, MachineNotFoundError, MachineService } from '@gopher/machine';
import { ApiEventStream } from '../http/api-event-stream.decorator.js';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { LastEventId } from '../http/request-headers.js';
import type { Interest } from './edge-event.js';
import { EdgeEvents } from './edge-events.js';
import { followEvents } from './event.schema.js';
import { describeEventTypes, EVENT_TYPES } from './event-types.js';

@ApiTags('events')
@Controller('events')
export class EventController {
  constructor(
    private readonly events: EdgeEvents,
    private readonly machines: MachineService,
    private readonly machineEvents: MachineEvents,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'watchEvents',
    summary: 'Follow what happens, as server-sent events',
    description: `The data of each is JSON with \`topic\` and \`about\`.\n\n${describeEventTypes()}`,
  })
  @ApiEventStream(...Object.keys(EVENT_TYPES))
  @ApiProblem(400, 404)
  async watch(
    @Query({ schema: followEvents }) interest: Interest,
    @Res() reply: FastifyReply,
    @Req() { method }: FastifyRequest,
    @LastEventId() lastEventId?: string,
  ): Promise<void> {
    this.events.admit();
    const since = this.events.since(lastEventId);
    const removed = new Set<string>();
    const removals = this.machineEvents.removed.subscribe((one) => removed.add(one.machineId));
    try {
      await this.refuseUnknown(interest, removed);
      this.events.admit(); // others came meanwhile
      reply.hijack();
      if (method === 'HEAD')
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).end();
      else this.events.follow(reply.raw, interest, since);
    } finally {
      removals.unsubscribe();
    }
  }

  /** @throws MachineNotFoundError */
  private async refuseUnknown({ about }: Interest, removed: ReadonlySet<string>): Promise<void> {
    const ids = [...about].filter((one) => one !== 'edge');
    if (ids.length === 0) return;
    const found = new Set((await this.machines.findByIds(ids)).map(({ id }) => id));
    const unknown = ids.find((id) => !found.has(id) || removed.has(id));
    if (unknown !== undefined) throw new MachineNotFoundError(unknown);
  }
}
