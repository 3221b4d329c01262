import {
  EventLog,
  IdleConnection,
  TcpTarget,
  TestEdge,
  TestMachine,
  until,
} from '../../../test/product/index.js';

interface Sample {
  machineId: string | null;
  observedAt: string;
  processes: { name: string; pid: number; residentBytes: number; threads: number }[];
  tunnels: { tunnelId: string; connections: number | null }[];
}

/** The whole product: a real agent measures its machine, and the edge itself. */
describe('metrics', () => {
  let edge: TestEdge;
  let machine: TestMachine;
  let target: TcpTarget;

  beforeAll(async () => {
    edge = await TestEdge.start();
    machine = await TestMachine.join(edge, 'attic');
    target = await TcpTarget.listen(edge.ports.next());
  });

  afterAll(async () => {
    await target.stop();
    await machine.stop();
    await edge.stop();
  });

  const newest = async (path: string) =>
    (await edge.api<{ newest: Sample | null }>('GET', path)).newest;
  const pidsOf = ({ processes }: Sample) =>
    Object.fromEntries(processes.map(({ name, pid }) => [name, pid]));

  it('come every second to who reads them, of machine and edge, and rarely to nobody', async () => {
    const query = `?topics=metrics&about=${machine.id}&about=edge`;
    const log = await EventLog.open(edge, query);
    const of = (id: string | null) =>
      log.of<Sample>('metrics').filter(({ machineId }) => machineId === id);
    await until('five of each', () => of(machine.id).length >= 5 && of(null).length >= 5, 20_000);
    for (const id of [machine.id, null]) {
      const [second, , fourth] = of(id)
        .slice(1)
        .map(({ observedAt }) => Date.parse(observedAt));
      expect((fourth! - second!) / 2).toBeGreaterThan(700);
      expect((fourth! - second!) / 2).toBeLessThan(2_000);
    }
    expect(pidsOf(of(machine.id).at(-1)!)).toEqual({
      agent: machine.agent!.pid,
      control: machine.clientPid('control'),
      data: machine.clientPid('data'),
    });
    const ofEdge = of(null).at(-1)!;
    expect(pidsOf(ofEdge)).toEqual({
      'gopher-server': edge.serverPid,
      'rathole-server': edge.enginePid('rathole-server'),
      postgres: edge.enginePid('postgres'),
    });
    // PostgreSQL is one process for each connection, and several that it always has.
    const postgres = ofEdge.processes.find(({ name }) => name === 'postgres')!;
    expect(postgres.threads).toBeGreaterThan(4);
    log.close();
    await until('nobody is told every second', async () => {
      const before = (await newest(`/machines/${machine.id}/metrics`))!.observedAt;
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      return (await newest(`/machines/${machine.id}/metrics`))!.observedAt === before;
    });
  });

  it('count the connections of a tunnel', async () => {
    const tunnel = await edge.publish(machine.id, target.address);
    const visitor = await IdleConnection.open(tunnel.address);
    const log = await EventLog.open(edge, `?topics=metrics&about=${machine.id}`);
    await until(
      'it is counted',
      () =>
        log
          .of<Sample>('metrics')
          .some(({ tunnels }) =>
            tunnels.some(
              ({ tunnelId, connections }) => tunnelId === tunnel.id && connections === 1,
            ),
          ),
      // Where the kernel takes long to tell, it is asked once a minute.
      75_000,
    );
    log.close();
    visitor.close();
  });
});
