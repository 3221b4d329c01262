import {
  IdleConnection,
  TcpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
} from '../../../test/product/index.js';

/** What is read here of GET /machines/{id}/status. */
interface Status {
  health: string;
  reasons: string[];
  agent: { status: string };
  rathole: { control: { pid: number; state: string } };
  revision: { state: string } | null;
}

/** Real here: the whole product; the edge is started again with another address for its machines. */
describe('a machine whose edge has another address', () => {
  let edge: TestEdge;
  let machine: TestMachine;
  let target: TcpTarget;
  let tunnel: TunnelView;

  beforeAll(async () => {
    edge = await TestEdge.start();
    machine = await TestMachine.join(edge, 'attic');
    target = await TcpTarget.listen(edge.ports.next());
    tunnel = await edge.publish(machine.id, target.address);
  });

  afterAll(async () => {
    await target?.stop();
    await machine?.stop();
    await edge?.stop();
  });

  const status = () => edge.status<Status>(machine.id);

  const agentAddr = async () =>
    (await edge.api<{ agentAddr: string }>('GET', `/machines/${machine.id}`)).agentAddr;

  const controlPid = async () => (await status()).rathole.control.pid;

  async function changeAddress(address: string): Promise<void> {
    await edge.endServer('SIGTERM');
    edge.settings.GOPHER_RATHOLE_PUBLIC = address;
    await edge.startServer();
  }

  const untilWell = () =>
    until('the machine is healthy and has what is wanted', async () => {
      const { health, reasons, revision } = await status();
      if (health === 'healthy' && revision?.state === 'in-sync') return true;
      throw new Error(JSON.stringify({ health, reasons, revision }));
    });

  const untilReachedElsewhere = (than: string) =>
    until('the agent is up, and reached elsewhere', async () => {
      return (await agentAddr()) !== than && (await status()).agent.status === 'up';
    });

  async function expectToServe(): Promise<void> {
    const visitor = await IdleConnection.open(tunnel.address);
    expect(await visitor.echo('hello')).toBe('hello');
    visitor.close();
  }

  it('is reached through another control client, at the new address', async () => {
    const [before, pid] = [await agentAddr(), await controlPid()];
    await changeAddress(`localhost:${edge.ports.rathole}`);
    await untilReachedElsewhere(before);
    await untilWell();
    await until('its client is another one', async () => (await controlPid()) !== pid);
    const visitor = await IdleConnection.open(tunnel.address);
    expect(await visitor.echo('hello')).toBe('hello');
    await machine.endAgent('SIGKILL');
    await machine.startAgent();
    await machine.untilUp();
    expect(await visitor.echo('again')).toBe('again');
    visitor.close();
  });

  it('goes on as it was, and says why, when nobody is at the new address', async () => {
    const [before, pid] = [await agentAddr(), await controlPid()];
    await changeAddress('127.0.0.1:1');
    await until(
      'its status says why',
      async () => {
        const { reasons } = await status();
        const why = /^The control client could not be moved to 127\.0\.0\.1:1: .*still reached/;
        if (reasons.some((reason) => why.test(reason))) return true;
        throw new Error(reasons.join('\n'));
      },
      60_000,
    );
    expect((await status()).agent.status).toBe('up');
    expect([await agentAddr(), await controlPid()]).toEqual([before, pid]);
    await expectToServe();
  });

  it('is well again once the edge has the address that it had', async () => {
    await changeAddress(`localhost:${edge.ports.rathole}`);
    await machine.untilUp();
    await untilWell();
    await expectToServe();
  });
});
