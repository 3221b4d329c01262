import { TestEdge, TestMachine, until } from '../../../test/product/index.js';
import { LogFollower } from '../../../test/product/log-follower.js';

/** As many as an agent lets in at once. */
const READERS = 8;

describe('the logs of a machine', () => {
  const stack = new AsyncDisposableStack();
  afterAll(() => stack.disposeAsync());

  it('are open to others as soon as their readers have left, also when nothing is logged', async () => {
    const edge = stack.adopt(await TestEdge.start(), (one) => one.stop());
    const machine = stack.adopt(await TestMachine.join(edge, 'attic'), (one) => one.stop());
    const path = `/machines/${machine.id}/logs/follow?tail=0&source=control`;
    const readers = () =>
      Promise.all(Array.from({ length: READERS }, () => LogFollower.open(edge, path)));
    for (const reader of await readers()) reader.close();
    const others = await until('as many others are let in', readers, 3_000);
    for (const reader of others) reader.close();
  });
});
