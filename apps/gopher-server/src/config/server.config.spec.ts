import { InvalidConfigError, ServerConfig } from './server.config.js';

describe(ServerConfig.name, () => {
  it('listens on loopback, and below the ports of the kernel, unless told otherwise', () => {
    const config = ServerConfig.parse({});
    expect(config).toMatchObject({
      stateDir: '/var/lib/gopher',
      host: '127.0.0.1',
      port: 4321,
      publicUrl: 'http://127.0.0.1:4321',
      ratholeBind: '127.0.0.1:2333',
      ratholePublic: '127.0.0.1:2333',
      tunnelPorts: { from: 10_000, to: 20_999 },
      backChannelPorts: { from: 21_000, to: 24_999 },
      databaseUrl: undefined,
      probeIntervalMs: 30_000,
    });
  });

  it('tells machines another address than it listens on when it is told to', () => {
    const config = ServerConfig.parse({
      GOPHER_PUBLIC_URL: 'https://gopher.example.com/',
      GOPHER_RATHOLE_BIND: '0.0.0.0:2333',
      GOPHER_RATHOLE_PUBLIC: 'edge.example.com:2333',
    });
    expect(config.publicUrl).toBe('https://gopher.example.com');
    expect(config.ratholePublic).toBe('edge.example.com:2333');
  });

  it('reserves its own ports, wherever they are', () => {
    const config = ServerConfig.parse({ GOPHER_PORT: '8080', GOPHER_RATHOLE_BIND: '[::1]:2444' });
    expect([...config.reservedPorts.keys()]).toEqual([8080, 2444]);
  });

  it.each([
    ['GOPHER_PORT', '0'],
    ['GOPHER_PORT', '65536'],
    ['GOPHER_PORT', 'http'],
    ['GOPHER_STATE_DIR', 'relative'],
    ['GOPHER_RATHOLE', 'rathole'],
    ['GOPHER_RATHOLE_BIND', 'localhost'],
    ['GOPHER_TUNNEL_PORTS', '10000'],
    ['GOPHER_TUNNEL_PORTS', '20000-10000'],
    ['GOPHER_BACK_CHANNEL_PORTS', '0-10'],
    ['GOPHER_BACK_CHANNEL_PORTS', '1-70000'],
    ['GOPHER_PUBLIC_URL', 'gopher.example.com'],
    ['GOPHER_LOG_LEVEL', 'loud'],
    ['DATABASE_URL', 'mysql://localhost/gopher'],
    ['GOPHER_AGENT_DEADLINE_MS', '1'],
    ['GOPHER_PROBE_INTERVAL_SECONDS', '4'],
    ['GOPHER_PROBE_INTERVAL_SECONDS', '3601'],
    ['GOPHER_PROBE_INTERVAL_SECONDS', '30s'],
    ['GOPHER_PROBE_INTERVAL_SECONDS', '7.5'],
  ])('refuses %s=%s by name', (name, value) => {
    expect(() => ServerConfig.parse({ [name]: value })).toThrow(InvalidConfigError);
    expect(() => ServerConfig.parse({ [name]: value })).toThrow(name);
  });

  it('names every setting that is wrong', () => {
    const wrong = { GOPHER_PORT: 'x', GOPHER_LOG_LEVEL: 'y' };
    expect(() => ServerConfig.parse(wrong)).toThrow(/GOPHER_PORT[^]*GOPHER_LOG_LEVEL/);
  });
});
