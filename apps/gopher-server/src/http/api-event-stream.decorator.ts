import { ApiOkResponse } from '@nestjs/swagger';

/** Documents server-sent events of these types, each with JSON as its data. */
export function ApiEventStream(...types: string[]): MethodDecorator {
  return ApiOkResponse({
    description: 'A stream of such events, which ends when the reader leaves',
    content: {
      'text/event-stream': {
        schema: {
          type: 'object',
          properties: {
            event: { type: 'string', enum: types },
            id: { type: 'string' },
            data: { type: 'string', description: 'JSON' },
          },
          required: ['event', 'data'],
        },
      },
    },
  });
}
