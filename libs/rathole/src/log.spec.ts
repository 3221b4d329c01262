import { parseRatholeLogLine } from './log.js';

describe(parseRatholeLogLine.name, () => {
  it.each([
    [
      '2026-11-23T08:27:47.067032Z  INFO handle{service=tunnel.7}:run: rathole::client: Control channel established',
      ['INFO', 'rathole::client', 'Control channel established', 'tunnel.7'],
    ],
    [
      '2026-11-23T08:27:50.160590Z ERROR handle{service=web}: rathole::client: Failed to run the control channel: Authentication failed: web: Incorrect token. Retry in 493.519459ms...',
      [
        'ERROR',
        'rathole::client',
        'Failed to run the control channel: Authentication failed: web: Incorrect token. Retry in 493.519459ms...',
        'web',
      ],
    ],
    [
      '2026-11-23T08:27:43.633982Z  INFO config_watcher{path="c.toml"}: rathole::config_watcher: Start watching the config',
      ['INFO', 'rathole::config_watcher', 'Start watching the config', null],
    ],
    [
      '2026-11-23T08:27:43.329667Z  INFO rathole::server: Listening at 127.0.0.1:15333',
      ['INFO', 'rathole::server', 'Listening at 127.0.0.1:15333', null],
    ],
    [
      '2026-11-23T08:27:48.651512Z  INFO connection{addr=127.0.0.1:33700}:handle{service=web}:run_tcp_connection_pool: rathole::server: Listening at 127.0.0.1:15335\r',
      ['INFO', 'rathole::server', 'Listening at 127.0.0.1:15335', 'web'],
    ],
    [
      '2026-11-23T08:27:48.651415Z  INFO connection{addr=127.0.0.1:33700}: rathole::server: Control channel established service=web',
      ['INFO', 'rathole::server', 'Control channel established service=web', 'web'],
    ],
    [
      '2026-11-23T08:27:53.174129Z  INFO rathole: Service change detected. ClientChange(Delete("web"))',
      ['INFO', 'rathole', 'Service change detected. ClientChange(Delete("web"))', null],
    ],
  ])('reads %s', (line, [level, target, message, service]) => {
    const at = new Date(`${line.slice(0, 23)}Z`);
    expect(parseRatholeLogLine(line)).toEqual({ at, level, target, message, service });
  });

  it.each([
    '',
    "thread 'tokio-rt-worker' (8869) panicked at src/lib.rs:138:9:",
    'Error: Configuration is invalid. Please refer to the configuration specification.',
    '    0: Failed to parse the config',
    '2026-11-23T08:27:43.329667Z  INFO',
    '2026-11-23T08:27:43.329667Z  INFO other::target: Control channel established',
    '2026-99-23T08:27:43.329667Z  INFO rathole::server: Listening',
    ':27:43.633982Z  INFO handle{service=web}:run: rathole::client: Control channel established',
  ])('gives nothing for %j', (line) => {
    expect(parseRatholeLogLine(line)).toBeNull();
  });
});
