import { ServiceTracker } from './service-tracker.js';

/** `s` counts seconds from the same minute, so that a log can be written down in a few words. */
const line = (s: number, rest: string) =>
  `2026-11-23T08:27:${s.toFixed(6).padStart(9, '0')}Z ${rest}`;
const time = (s: number) => new Date(`2026-11-23T08:27:${s.toFixed(3).padStart(6, '0')}Z`);
const watching = (s: number) =>
  line(
    s,
    ' INFO config_watcher{path="c.toml"}: rathole::config_watcher: Start watching the config',
  );
const rescan = (s: number) =>
  line(s, ' INFO config_watcher{path="c.toml"}: rathole::config_watcher: Rescan the configuration');
const starting = (s: number, name = 'web') =>
  line(s, ` INFO handle{service=${name}}: rathole::client: Starting 4b5e57f6eb2f42b9039b3d1e13929`);
const up = (s: number, name = 'web') =>
  line(s, ` INFO handle{service=${name}}:run: rathole::client: Control channel established`);
const down = (s: number, name = 'web') =>
  line(s, ` INFO handle{service=${name}}:run: rathole::client: Control channel shutdown`);
const failed = (s: number, reason: string, name = 'web') =>
  line(
    s,
    `ERROR handle{service=${name}}: rathole::client: Failed to run the control channel: ${reason}. Retry in 493.519459ms...`,
  );
const removed = (s: number, name = 'web') =>
  line(s, ` INFO rathole: Service change detected. ClientChange(Delete("${name}"))`);

function after(...lines: string[]): ServiceTracker {
  const tracker = new ServiceTracker();
  for (const text of lines) tracker.consume(text);
  return tracker;
}

describe(ServiceTracker.name, () => {
  it('follows a service from its start to its channel', () => {
    const tracker = after(watching(1), starting(1.001));
    expect(tracker.service('web')).toEqual({
      name: 'web',
      state: 'connecting',
      startedAt: time(1.001),
      establishedAt: null,
      problem: null,
    });
    tracker.consume(up(1.5));
    expect(tracker.service('web')).toMatchObject({
      state: 'established',
      establishedAt: time(1.5),
    });
  });

  it('says why a service retries, and that it came back', () => {
    const tracker = after(starting(1), up(2), failed(3, 'Failed to read cmd: early eof'));
    expect(tracker.service('web')).toMatchObject({
      state: 'retrying',
      establishedAt: null,
      problem: 'Failed to read cmd: early eof',
    });
    tracker.consume(up(4));
    expect(tracker.service('web')).toMatchObject({
      state: 'established',
      establishedAt: time(4),
      problem: null,
    });
  });

  it('counts a changed service as down until its new task has a channel', () => {
    const tracker = after(starting(1), up(2), starting(5));
    expect(tracker.service('web')).toMatchObject({ state: 'connecting', establishedAt: null });
    tracker.consume(down(5.01));
    tracker.consume(up(5.02));
    expect(tracker.service('web')).toMatchObject({ establishedAt: time(5.02) });
  });

  it('is not misled by the last words of the task that a change dropped', () => {
    const tracker = after(starting(1), up(2), starting(5), up(5.01), down(5.02));
    expect(tracker.service('web')).toMatchObject({ establishedAt: time(5.01) });
  });

  it('is not misled by a dropped task that was waiting to retry and connects once more', () => {
    const refused = failed(2, 'Authentication failed: web: Incorrect token');
    const before = after(starting(1), refused, starting(3), up(3.1), up(3.2), down(3.21));
    expect(before.service('web')).toMatchObject({ state: 'established' });
    const alone = after(starting(1), refused, starting(3), up(3.1), down(3.11));
    expect(alone.service('web')).toMatchObject({ state: 'connecting' });
  });

  it('forgets a removed service, even when its old task speaks again', () => {
    const tracker = after(starting(1), up(2), removed(3), down(3.1), up(4), down(4.1));
    expect(tracker.service('web')).toBeNull();
    expect(tracker.services()).toEqual([]);
    tracker.consume(starting(5));
    tracker.consume(up(5.1));
    expect(tracker.service('web')).toMatchObject({ state: 'established', startedAt: time(5) });
  });

  it('drops everything when the instance restarts, and takes up what comes back', () => {
    const general = ' INFO rathole: General configuration change detected. Restarting...';
    const tracker = after(starting(1, 'a'), up(2, 'a'), starting(1, 'b'), up(2, 'b'));
    tracker.consume(line(3, general));
    expect(tracker.services()).toEqual([]);
    for (const text of [starting(3.1, 'a'), down(3.1, 'a'), down(3.1, 'b'), up(3.2, 'a')]) {
      tracker.consume(text);
    }
    expect(tracker.services()).toMatchObject([{ name: 'a', establishedAt: time(3.2) }]);
  });

  it('starts afresh with a new process, whose first lines come in any order', () => {
    const tracker = after(watching(1), starting(1, 'a'), up(2, 'a'), starting(1, 'b'), up(2, 'b'));
    for (const text of [starting(9, 'a'), watching(9.001), up(9.01, 'a')]) tracker.consume(text);
    expect(tracker.services()).toMatchObject([{ name: 'a', establishedAt: time(9.01) }]);
  });

  it.each([
    line(3, ' INFO config_watcher{path="c.toml"}: rathole::config_watcher: Config watcher exiting'),
    "thread 'tokio-rt-worker' (8869) panicked at src/lib.rs:138:9:",
  ])('knows that all is over after %j', (text) => {
    const tracker = after(starting(1), up(2), text, down(3.1));
    expect(tracker.services()).toEqual([]);
  });

  it('is told by its owner when the process was killed', () => {
    const tracker = after(starting(1), up(2));
    tracker.processEnded();
    expect(tracker.service('web')).toBeNull();
  });

  it('believes a log that it reads from the middle', () => {
    expect(after(up(2)).service('web')).toMatchObject({ state: 'established' });
    expect(after(failed(2, 'x')).service('web')).toMatchObject({ state: 'retrying' });
    expect(after(down(2)).service('web')).toBeNull();
  });

  it('keeps the reason for which rathole ignored a file, until it reads the next', () => {
    const reason =
      'Configuration is invalid: expected a value, found a newline at line 13 column 3';
    const ignored = `ERROR config_watcher{path="c.toml"}: rathole::config_watcher: The changed configuration is invalid. Ignored: ${reason}`;
    const twice = [rescan(1), line(1, ignored), rescan(1.001), line(1.001, ignored)];
    for (let seen = 2; seen <= twice.length; seen += 1) {
      expect(after(...twice.slice(0, seen)).configRefusal()).toMatchObject({ reason });
    }
    const tracker = after(...twice, rescan(2), rescan(2.001));
    expect(tracker.configRefusal()).toBeNull();
  });

  it('counts how often the file was read, whatever came of it, over the end of a process', () => {
    const tracker = after(rescan(1), rescan(1.001));
    expect(tracker.configReads()).toBe(2);
    tracker.processEnded();
    tracker.consume(rescan(2));
    expect(tracker.configReads()).toBe(3);
  });

  it('takes nothing from the log of a server or of the data channels', () => {
    const tracker = new ServiceTracker();
    const dataChannel =
      ' WARN handle{service=web}:run: rathole::client: Failed to run the data channel: Failed to read cmd: early eof';
    const server =
      ' INFO connection{addr=127.0.0.1:1}:handle{service=web}:run: rathole::server: Control channel shutdown';
    expect(tracker.consume(line(1, dataChannel))).toBe(false);
    expect(tracker.consume(line(1, server))).toBe(false);
    expect(tracker.services()).toEqual([]);
  });

  it('does not grow with the services that were removed', () => {
    const tracker = new ServiceTracker();
    for (let i = 0; i < 1_000; i += 1) {
      for (const text of [starting(1, `s${i}`), removed(1, `s${i}`)]) tracker.consume(text);
    }
    expect((tracker as unknown as { tracked: Map<string, unknown> }).tracked.size).toBeLessThan(
      102,
    );
  });
});
