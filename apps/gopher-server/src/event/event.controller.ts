import { Controller, Headers, type MessageEvent, Sse } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Observable } from 'rxjs';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { EdgeEvents } from './edge-events.js';

@ApiTags('events')
@Controller('events')
export class EventController {
  constructor(private readonly events: EdgeEvents) {}

  @Sse()
  @ApiOperation({
    operationId: 'watchEvents',
    summary:
      'Follow what happens, as server-sent events: machine-status, agent-status, tunnel-state',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false })
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  @ApiProblem()
  watch(@Headers('last-event-id') lastEventId?: string): Observable<MessageEvent> {
    return this.events.after(lastEventId);
  }
}
