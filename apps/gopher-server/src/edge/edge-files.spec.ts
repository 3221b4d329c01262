import fc from 'fast-check';
import { parse } from 'smol-toml';
import { deriveMachineFiles, deriveServerFile, type EdgeSettings } from './edge-files.js';
import type { SnapshotMachine, SnapshotTunnel } from './edge-snapshot.js';

type Services = Record<string, Record<string, unknown>>;

const KEY = Buffer.alloc(32, 7).toString('base64');
const settings: EdgeSettings = {
  ratholeBind: '0.0.0.0:2333',
  ratholePublic: 'edge.example.com:2333',
  noisePublicKey: KEY,
  noisePrivateKey: KEY,
  open: (sealed) => `opened-${sealed}`,
};
const tunnel = (id: string, changes: Partial<SnapshotTunnel> = {}): SnapshotTunnel => ({
  id,
  protocol: 'tcp',
  target: '192.168.1.5:80',
  bindAddress: '127.0.0.1',
  port: 10_000,
  tokenSealed: `t-${id}`,
  ...changes,
});
const AGENT = {
  agentAddr: '127.0.0.1:21000',
  port: 21_000,
  checkPort: 21_001,
  agentPort: 4_322,
  agentCheckPort: 4_323,
  tokenSealed: 'b',
  checkTokenSealed: 'c',
  generation: 0,
  nextPort: null,
  nextTokenSealed: null,
};
const MOVING = { ...AGENT, generation: 1, nextPort: 21_002, nextTokenSealed: 'n' };
const machine = (id: string, changes: Partial<SnapshotMachine> = {}): SnapshotMachine => ({
  id,
  agent: AGENT,
  tunnels: [],
  ...changes,
});

/** As the table of leases gives them. */
function withPortsOfTheirOwn(machines: SnapshotMachine[]): SnapshotMachine[] {
  let port = 10_000;
  return machines.map((one) => ({
    ...one,
    agent: one.agent && {
      ...one.agent,
      port: ++port,
      checkPort: ++port,
      nextPort: one.agent.nextPort && ++port,
    },
    tunnels: one.tunnels.map((drawn) => ({ ...drawn, port: ++port })),
  }));
}

const serverOf = (machines: SnapshotMachine[]) =>
  (parse(deriveServerFile({ machines }, settings)) as { server: { services: Services } }).server;
const clientOf = (toml: string) =>
  (parse(toml) as { client: { services: Services; remote_addr: string } }).client;

describe(deriveServerFile.name, () => {
  it('keeps the table of services when there are none', () => {
    expect(serverOf([]).services).toEqual({});
  });

  it('has two services for an agent, and one for each tunnel with its address', () => {
    const tunnels = [tunnel('1'), tunnel('2', { protocol: 'udp', bindAddress: '::', port: 53 })];
    expect(serverOf([machine('m', { tunnels })]).services).toEqual({
      'back-channel.m': { type: 'tcp', token: 'opened-b', bind_addr: '127.0.0.1:21000' },
      'check.m': { type: 'tcp', token: 'opened-c', bind_addr: '127.0.0.1:21001' },
      'tunnel.1': { type: 'tcp', token: 'opened-t-1', bind_addr: '127.0.0.1:10000' },
      'tunnel.2': { type: 'udp', token: 'opened-t-2', bind_addr: '[::]:53' },
    });
  });
});

describe(deriveMachineFiles.name, () => {
  it('has a second control client while that moves, under another name and to another port', () => {
    const { control, nextControl } = deriveMachineFiles(machine('m', { agent: MOVING }), settings);
    const local_addr = '127.0.0.1:4322';
    expect([control!.port, nextControl!.port]).toEqual([21_000, 21_002]);
    expect(clientOf(control!.toml).services).toEqual({
      'back-channel.m.1': { type: 'tcp', token: 'opened-b', local_addr },
    });
    expect(clientOf(nextControl!.toml).services).toEqual({
      'back-channel.m.2': { type: 'tcp', token: 'opened-n', local_addr },
    });
    const agent = { ...AGENT, generation: 2, port: 21_002, tokenSealed: 'n' };
    expect(deriveMachineFiles(machine('m', { agent }), settings).control).toEqual(nextControl);
  });

  it('puts the back-channel alone into the control file, and the tunnels into the other', () => {
    const files = deriveMachineFiles(machine('m', { tunnels: [tunnel('1')] }), settings);
    expect(clientOf(files.control!.toml).services).toEqual({
      'back-channel.m': { type: 'tcp', token: 'opened-b', local_addr: '127.0.0.1:4322' },
    });
    expect(clientOf(files.data.toml).services).toEqual({
      'tunnel.1': { type: 'tcp', token: 'opened-t-1', local_addr: '192.168.1.5:80' },
      'check.m': { type: 'tcp', token: 'opened-c', local_addr: '127.0.0.1:4323' },
    });
  });

  it('has tunnels alone for a machine without an agent', () => {
    const files = deriveMachineFiles(
      machine('m', { agent: null, tunnels: [tunnel('1')] }),
      settings,
    );
    expect([files.control, files.nextControl]).toEqual([null, null]);
    expect(Object.keys(clientOf(files.data.toml).services)).toEqual(['tunnel.1']);
  });

  it('says nothing of other machines, and nothing of the private key of the edge', () => {
    const other = { ...settings, noisePrivateKey: Buffer.alloc(32, 9).toString('base64') };
    const { data, control } = deriveMachineFiles(machine('m'), other);
    expect(data.toml + control!.toml).not.toContain(other.noisePrivateKey);
    expect(clientOf(control!.toml).remote_addr).toBe('edge.example.com:2333');
  });

  it('gives the same bytes for the same facts, and others for others', () => {
    const one = deriveMachineFiles(machine('m', { tunnels: [tunnel('1')] }), settings).data;
    const same = deriveMachineFiles(machine('m', { tunnels: [tunnel('1')] }), settings).data;
    const moved = tunnel('1', { target: '192.168.1.5:81' });
    expect(same).toEqual(one);
    expect(deriveMachineFiles(machine('m', { tunnels: [moved] }), settings).data.sha256).not.toBe(
      one.sha256,
    );
  });

  it('names on both sides the same services with the same tokens', () => {
    const machines = fc.uniqueArray(
      fc.record({
        id: fc.uuid(),
        agent: fc.constantFrom(AGENT, MOVING, null),
        tunnels: fc.uniqueArray(
          fc.uuid().map((id) => tunnel(id)),
          { selector: ({ id }) => id },
        ),
      }),
      { selector: ({ id }) => id, maxLength: 5 },
    );
    fc.assert(
      fc.property(machines, (drawn) => {
        const all = withPortsOfTheirOwn(drawn);
        const tokens = (services: Services) =>
          Object.entries(services).map(([name, { token }]) => `${name} ${String(token)}`);
        const served = tokens(serverOf(all).services);
        const used = all.flatMap((one) => {
          const { control, nextControl, data } = deriveMachineFiles(one, settings);
          return [control, nextControl, data].flatMap((file) =>
            file ? tokens(clientOf(file.toml).services) : [],
          );
        });
        expect(used.toSorted()).toEqual(served.toSorted());
      }),
      { numRuns: 50 },
    );
  });
});
