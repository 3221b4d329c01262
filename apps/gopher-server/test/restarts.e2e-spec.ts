import {
  Download,
  EventLog,
  HttpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
  untilServes,
  visit,
  Visitors,
} from '../../../test/product/index.js';

const TUNNELS = 5;
const RIGHT_VIEW_BUDGET_MS = 10_000;
const SERVES_AGAIN_BUDGET_MS = 5_000;
const SILENT_AGENT_BUDGET_MS = 15_000;

/** What is read here of GET /machines/{id}/status. */
interface Status {
  health: string;
  reasons: string[];
  agent: { status: string; reportedAt: string };
  rathole: {
    control: { pid: number | null; state: string };
    data: { pid: number | null; state: string };
    activeTunnels: number;
  };
  dataPath: { serves: boolean; observedAt: string } | null;
  tunnels: { total: number; active: number };
}

interface EdgeView {
  rathole: { state: string; pid: number | null; adopted: boolean; restartNeeded: boolean };
}

/** Real here: the whole product; its processes die as they would on a bad day. */
describe('restarts', () => {
  let edge: TestEdge;
  let machine: TestMachine;
  let published: { target: HttpTarget; tunnel: TunnelView }[];

  beforeAll(async () => {
    edge = await TestEdge.start();
    machine = await TestMachine.join(edge, 'attic');
    published = [];
    for (let i = 0; i < TUNNELS; i++) {
      const target = await HttpTarget.start(edge.ports.next(), `target ${i}`);
      published.push({ target, tunnel: await edge.publish(machine.id, target.address) });
    }
  });

  afterAll(async () => {
    for (const { target } of published ?? []) target.close();
    await machine?.stop();
    await edge?.stop();
  });

  beforeEach(() =>
    until('the machine is healthy', async () => {
      return (await edge.status<Status>(machine.id)).health === 'healthy';
    }),
  );

  const since = (began: number) => Math.round(performance.now() - began);
  const pids = () => ({
    rathole: edge.enginePid('rathole-server'),
    postgres: edge.enginePid('postgres'),
    control: machine.clientPid('control'),
    data: machine.clientPid('data'),
  });

  /** Everything that the status can say about this machine, and it is so now, not as remembered. */
  const viewIsRight = async (began: number): Promise<number> => {
    const startedAt = new Date();
    const { control, data } = pids();
    await until(
      'the status is right',
      async () => {
        const status = await edge.status<Status>(machine.id);
        const isNews = new Date(status.agent.reportedAt) >= startedAt;
        if (!isNews) throw new Error(`reported at ${status.agent.reportedAt}`);
        expect(status).toMatchObject({
          health: 'healthy',
          reasons: [],
          agent: { status: 'up' },
          rathole: {
            control: { pid: control, state: 'connected' },
            data: { pid: data, state: 'connected' },
            activeTunnels: TUNNELS,
          },
          dataPath: { serves: true },
          tunnels: { total: TUNNELS, active: TUNNELS },
        });
        return true;
      },
      RIGHT_VIEW_BUDGET_MS,
    );
    return since(began);
  };

  /** Visitors of one tunnel and a download through another, before, during and after `trouble`. */
  const underLoad = async (trouble: () => Promise<void>): Promise<string> => {
    const [first, second] = [published.at(0)!, published.at(1)!];
    const visitors = new Visitors(first.tunnel.address, first.target.name);
    const download = new Download(second.tunnel.address);
    const flows = async () => {
      const { bytes } = download;
      const { served } = visitors;
      await until('visitors and the download go on', () => {
        return visitors.served > served + 20 && download.bytes > bytes + 100_000;
      });
    };
    await flows();
    await trouble();
    await flows();
    const { served, failures, longestMs } = await visitors.end();
    const [sent] = second.target.endStreams();
    expect(failures).toEqual([]);
    expect(await download.sha256).toBe(sent);
    return `${served} visits, the longest took ${Math.round(longestMs)} ms; ${download.bytes} bytes of a download`;
  };

  const allServe = async (began: number): Promise<number> => {
    const left = began + SERVES_AGAIN_BUDGET_MS - performance.now();
    await Promise.all(
      published.map(({ tunnel, target }) => untilServes(tunnel.address, target.name, left)),
    );
    return since(began);
  };

  /** A silent agent takes its echo along; the tunnels it says nothing of go on, and are not failed. */
  const saysThatTunnelsServe = async () => {
    const silentSince = new Date();
    const { health, reasons } = await until('the data path was looked at since', async () => {
      const status = await edge.status<Status>(machine.id);
      return new Date(status.dataPath?.observedAt ?? 0) > silentSince && status;
    });
    expect([health, reasons]).toEqual(['degraded', ['The agent does not answer']]);
    const { items } = await edge.api<{ items: TunnelView[] }>('GET', '/tunnels');
    expect(items.map(({ state }) => state)).toEqual(published.map(() => 'active'));
  };

  const nobodyServes = () =>
    until('no tunnel serves', async () => {
      const visits = published.map(({ tunnel }) => visit(tunnel.address, 500));
      return (await Promise.allSettled(visits)).every(({ status }) => status === 'rejected');
    });

  describe('of gopher-server', () => {
    it('killed under load: nobody notices, and the next one adopts what runs', async ({
      annotate,
    }) => {
      const before = pids();
      let rightMs = 0;
      const load = await underLoad(async () => {
        await edge.endServer('SIGKILL');
        const began = performance.now();
        await edge.startServer();
        await annotate(`ready after ${since(began)} ms`);
        rightMs = await viewIsRight(began);
      });
      await annotate(`its view is right ${rightMs} ms after its start; ${load}`);
      expect(rightMs).toBeLessThan(RIGHT_VIEW_BUDGET_MS);
      expect(pids()).toEqual(before);
      expect((await edge.api<EdgeView>('GET', '/edge')).rathole).toMatchObject({
        state: 'running',
        pid: before.rathole,
        adopted: true,
        restartNeeded: false,
      });
      expect(edge.serverLog()).toContain(`postgres (pid ${before.postgres}) runs and was adopted`);
    });

    it('ended under load while someone follows its events: nobody else notices', async ({
      annotate,
    }) => {
      const before = pids();
      const events = await EventLog.open(edge);
      const load = await underLoad(async () => {
        const began = performance.now();
        await edge.endServer('SIGTERM');
        await annotate(`ended after ${since(began)} ms`);
        expect(since(began)).toBeLessThan(5_000);
        await edge.startServer();
      });
      events.close();
      await annotate(load);
      expect(pids()).toEqual(before);
    });

    it('killed: the next one sees what changed while it was away', async ({ annotate }) => {
      await edge.endServer('SIGKILL');
      const before = machine.clientPid('data');
      process.kill(before, 'SIGKILL');
      await until('another data client runs', () => machine.clientPid('data') !== before);
      await allServe(performance.now());
      const began = performance.now();
      await edge.startServer();
      const rightMs = await viewIsRight(began);
      await annotate(`its view is right ${rightMs} ms after its start`);
      expect(rightMs).toBeLessThan(RIGHT_VIEW_BUDGET_MS);
    });

    it('killed: the next one sees that the agent went while it was away', async ({ annotate }) => {
      await edge.endServer('SIGKILL');
      await machine.endAgent('SIGKILL');
      const began = performance.now();
      await edge.startServer();
      const agentStatus = async () => (await edge.status<Status>(machine.id)).agent.status;
      await until(
        'the agent is not said to be up',
        async () => (await agentStatus()) !== 'up',
        SILENT_AGENT_BUDGET_MS,
      );
      await annotate(`said so ${since(began)} ms after its start`);
      expect(since(began)).toBeLessThan(SILENT_AGENT_BUDGET_MS);
      await machine.startAgent();
    });
  });

  describe('of gopher-agent', () => {
    it('killed under load: nobody notices, the status says so, the next one adopts', async ({
      annotate,
    }) => {
      const before = pids();
      let [saidMs, downMs, rightMs] = [0, 0, 0];
      const load = await underLoad(async () => {
        const events = await EventLog.open(edge);
        const agentWas = (wanted: string) =>
          until(
            `the agent was ${wanted}`,
            () => events.of<{ to: string }>('agent-status').some(({ to }) => to === wanted),
            SILENT_AGENT_BUDGET_MS,
          );
        const killedAt = performance.now();
        await machine.endAgent('SIGKILL');
        try {
          await agentWas('unknown');
          saidMs = since(killedAt);
          await agentWas('down');
          downMs = since(killedAt);
        } finally {
          events.close();
        }
        await saysThatTunnelsServe();
        const began = performance.now();
        await machine.startAgent();
        rightMs = await viewIsRight(began);
      });
      await annotate(`unknown after ${saidMs} ms, down after ${downMs} ms`);
      await annotate(`the view is right ${rightMs} ms after the next one's start; ${load}`);
      expect(pids()).toEqual(before);
      for (const name of ['control', 'data'] as const) {
        expect(machine.agent?.log()).toContain(
          `${name} (pid ${before[name]}) runs and was adopted`,
        );
      }
    });

    it('frozen: the status says so within 15 s, and is right again when it thaws', async ({
      annotate,
    }) => {
      const { pid } = machine.agent!;
      const agentStatus = async () => (await edge.status<Status>(machine.id)).agent.status;
      let began = performance.now();
      process.kill(pid, 'SIGSTOP');
      try {
        await until(
          'the agent is not said to be up',
          async () => (await agentStatus()) !== 'up',
          SILENT_AGENT_BUDGET_MS,
        );
        await annotate(`said so after ${since(began)} ms`);
        expect(await visit(published.at(0)!.tunnel.address)).toBe(published.at(0)!.target.name);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      began = performance.now();
      await annotate(`right again ${await viewIsRight(began)} ms after it thawed`);
    });
  });

  describe('of the rathole server', () => {
    it('killed: every tunnel serves again within 5 s', async ({ annotate }) => {
      const killed = edge.enginePid('rathole-server');
      const began = performance.now();
      process.kill(killed, 'SIGKILL');
      await until('another one runs', () => edge.enginePid('rathole-server') !== killed);
      await annotate(`all ${TUNNELS} serve after ${await allServe(began)} ms`);
      await annotate(`the view is right after ${await viewIsRight(began)} ms`);
    });

    it('killed while gopher-server is away: every tunnel serves within 5 s of its start', async ({
      annotate,
    }) => {
      const killed = edge.enginePid('rathole-server');
      await edge.endServer('SIGKILL');
      process.kill(killed, 'SIGKILL');
      await nobodyServes();
      const began = performance.now();
      const ready = edge.startServer();
      const servesMs = await allServe(began);
      await ready;
      await annotate(`all ${TUNNELS} serve ${servesMs} ms after its start`);
      expect((await edge.api<EdgeView>('GET', '/edge')).rathole).toMatchObject({
        state: 'running',
        adopted: false,
      });
      expect(edge.enginePid('rathole-server')).not.toBe(killed);
      await annotate(`the view is right after ${await viewIsRight(began)} ms`);
    });
  });
});
