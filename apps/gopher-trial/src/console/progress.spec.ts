import { Progress } from './progress.js';

class Screen {
  text = '';
  constructor(readonly isTTY: boolean) {}
  readonly columns = 40;
  write(text: string): void {
    this.text += text;
  }
}

describe(Progress.name, () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => void vi.useRealTimers());

  const progressOn = (screen: Screen) => new Progress(screen, 1_000_000 - 12_300);

  it('writes one line for a short step, when it ends', async () => {
    const screen = new Screen(false);
    await progressOn(screen).step(
      'Starting',
      () => Promise.resolve(7),
      (n) => `Started ${n}`,
    );
    expect(screen.text).toBe('[ 12.3 s] Started 7 (0.0 s)\n');
  });

  it('gives a sign of life every five seconds where nothing can be redrawn', async () => {
    const screen = new Screen(false);
    const { promise, resolve } = Promise.withResolvers<void>();
    const step = progressOn(screen).step(
      'Building',
      (say) => {
        setTimeout(() => say('Compiling snow'), 6_000);
        return promise;
      },
      () => 'Built',
    );
    await vi.advanceTimersByTimeAsync(11_000);
    resolve();
    await step;
    expect(screen.text.split('\n')).toEqual([
      '[ 17.3 s] Building … 5.0 s',
      '[ 22.3 s] Building … Compiling snow',
      '[ 23.3 s] Built (11.0 s)',
      '',
    ]);
  });

  it('keeps to one line of a terminal, however long the detail', async () => {
    const screen = new Screen(true);
    const { promise, resolve } = Promise.withResolvers<void>();
    const step = progressOn(screen).step(
      'Building',
      (say) => {
        say('x'.repeat(200));
        return promise;
      },
      () => null,
    );
    await vi.advanceTimersByTimeAsync(1_000);
    resolve();
    await step;
    const drawn = screen.text.split('\r\u001b[2K');
    expect(screen.text).not.toContain('\n');
    expect(Math.max(...drawn.map((text) => text.length))).toBe(39);
    expect(drawn.at(-1)).toBe('');
  });

  it('says nothing at the end of a step that fails', async () => {
    const screen = new Screen(false);
    const step = progressOn(screen).step(
      'Starting',
      () => Promise.reject(new Error('no')),
      () => 'Started',
    );
    await expect(step).rejects.toThrow('no');
    expect(screen.text).toBe('');
  });
});
