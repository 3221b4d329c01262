import { UsageError } from '../trial.errors.js';
import { parseOrder } from './arguments.js';

describe(parseOrder.name, () => {
  it.each([
    [['start'], { command: 'start', detach: false, json: false }],
    [['start', '--json', '--detach'], { command: 'start', detach: true, json: true }],
    [['stop'], { command: 'stop', purge: false }],
    [['stop', '--purge'], { command: 'stop', purge: true }],
  ])('reads %j', (words, order) => {
    expect(parseOrder(words)).toEqual(order);
  });

  it.each([[[]], [['begin']], [['start', '--purge']], [['stop', 'now']], [['start', '--json=1']]])(
    'refuses %j',
    (words) => {
      expect(() => parseOrder(words)).toThrow(UsageError);
    },
  );
});
