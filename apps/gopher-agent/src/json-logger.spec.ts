import { Logger } from '@nestjs/common';
import { JsonLogger } from './json-logger.js';

describe(JsonLogger.name, () => {
  it('writes one JSON object a line, with who speaks, from its level on', () => {
    const lines: string[] = [];
    const logger = new JsonLogger('warn', (line) => lines.push(line));
    logger.log('not this', 'Some');
    logger.warn('line one\nline two', 'Some');
    Logger.overrideLogger(logger);
    new Logger('Nest').error('broken', 'the stack');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 'warn', context: 'Some', message: 'line one\nline two' },
      { level: 'error', context: 'Nest', message: 'broken', details: ['the stack'] },
    ]);
    expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
  });

  it('names a class as its source does, and not as the bundler', () => {
    const lines: string[] = [];
    const logger = new JsonLogger('info', (line) => lines.push(line));
    logger.log('it works', '_DataClient');
    logger.log('_it_ is left as it is', 'Data_Client');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { context: 'DataClient', message: 'it works' },
      { context: 'Data_Client', message: '_it_ is left as it is' },
    ]);
  });
});
