import { ClientWatchdog } from './client-watchdog.js';
import { EdgeContact } from './edge-contact.js';
import type { RatholeClients } from './rathole-clients.js';

/** How the freeze of a real process is found is shown in the medium tests. */
describe(ClientWatchdog.name, () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function scene() {
    const startedAt = new Date();
    const healed: string[] = [];
    const clients = {
      // No process has this number, so that none is frozen.
      status: () => ({ pid: 2 ** 22 + 1, startedAt }),
      heal: (name: string, reason: string) =>
        Promise.resolve(void healed.push(`${name}: ${reason}`)),
    } as unknown as RatholeClients;
    const contact = new EdgeContact();
    const watchdog = new ClientWatchdog(clients, contact);
    watchdog.start();
    onTestFinished(() => watchdog.stop());
    return { healed, contact };
  }

  it('restarts the control client when no call came for 30 s, then ever more slowly', () => {
    const { healed } = scene();
    vi.advanceTimersByTime(29_000);
    expect(healed).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(healed).toEqual(['control: no call of the edge came through for 30 s']);
    vi.advanceTimersByTime(60 * 60_000);
    // At most every five minutes, however long the edge is away.
    expect(healed.length).toBeGreaterThan(10);
    expect(healed.length).toBeLessThan(18);
    expect(healed.every((line) => line.startsWith('control'))).toBe(true);
  });

  it('leaves it alone while a call is open or calls keep coming', () => {
    const { healed, contact } = scene();
    const over = contact.callBegan();
    vi.advanceTimersByTime(600_000);
    over();
    for (let minute = 0; minute < 20; minute++) {
      vi.advanceTimersByTime(25_000);
      contact.callBegan()();
    }
    expect(healed).toEqual([]);
  });

  it('begins with a short wait again after the edge was there', () => {
    const { healed, contact } = scene();
    vi.advanceTimersByTime(60 * 60_000);
    contact.callBegan()();
    healed.length = 0;
    vi.advanceTimersByTime(36_000);
    expect(healed).toHaveLength(1);
  });
});
