import { readableLine } from './trial-supervisor.js';

describe(readableLine.name, () => {
  it.each([
    ['{"level":50,"context":"RatholeServer","msg":"no rathole"}', '  RatholeServer: no rathole'],
    ['{"level":"info","message":"it runs"}', '  it runs'],
    ['Error: not JSON', '  Error: not JSON'],
    ['7', '  7'],
    ['null', '  null'],
    ['{"msg":7}', '  {"msg":7}'],
  ])('makes of %s', (line, text) => {
    expect(readableLine(line)).toBe(text);
  });
});
