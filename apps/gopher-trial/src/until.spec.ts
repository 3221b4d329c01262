import { together, until } from './until.js';

describe(until.name, () => {
  const never = new AbortController().signal;

  it('asks until there is an answer', async () => {
    const answers = [null, null, 7];
    const ask = () => answers.shift() ?? null;
    expect(await until(ask, { timeoutMs: 5_000, signal: never, everyMs: 1 })).toBe(7);
  });

  it('gives up when the time is over', async () => {
    expect(await until(() => null, { timeoutMs: 5, signal: never, everyMs: 1 })).toBeNull();
  });

  it('ends with the reason of the abort, in the middle of a wait', async () => {
    const abort = new AbortController();
    const waiting = until(() => null, { timeoutMs: 60_000, signal: abort.signal, everyMs: 60_000 });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe(together.name, () => {
  it('tells the others and waits for them before it fails', async () => {
    const abort = new AbortController();
    let ended = false;
    const other = until(() => null, { timeoutMs: 60_000, signal: abort.signal }).catch(() => {
      ended = true;
    });
    await expect(together(abort, [other, Promise.reject(new Error('first'))])).rejects.toThrow(
      'first',
    );
    expect(ended).toBe(true);
  });
});
