import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  refuses,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
} from '../../../test/product/index.js';

/** After the last step everything is as the database says within this. */
const SETTLES_MS = 90_000;
const BANNER_MS = 2_000;

/** What the database should say: which target each tunnel leads to, and what may run. */
export interface Model {
  tunnels: Map<string, number>;
  serverRuns: boolean;
  agentRuns: boolean;
  controlRuns: boolean;
}

export const emptyModel = (): Model => ({
  tunnels: new Map(),
  serverRuns: true,
  agentRuns: true,
  controlRuns: true,
});

/** The real thing: an edge, a machine, and targets that say which of them they are. */
export class RealWorld implements AsyncDisposable {
  readonly removedAddresses = new Set<string>();
  readonly addresses = new Map<string, string>();

  private constructor(
    readonly edge: TestEdge,
    readonly machine: TestMachine,
    private readonly targets: readonly Server[],
    private readonly stack: AsyncDisposableStack,
  ) {}

  static async start(): Promise<RealWorld> {
    await using stack = new AsyncDisposableStack();
    const edge = stack.adopt(await TestEdge.start(), (edge) => edge.stop());
    const machine = stack.adopt(await TestMachine.join(edge, 'attic'), (machine) => machine.stop());
    const targets: Server[] = [];
    for (let i = 0; i < TARGETS; i += 1) {
      const server = createServer((socket) => {
        socket.on('error', () => {}).end(`target ${i}`);
      });
      server.listen(edge.ports.next(), '127.0.0.1');
      await once(server, 'listening');
      stack.defer(() => void server.close());
      targets.push(server);
    }
    return new RealWorld(edge, machine, targets, stack.move());
  }

  targetAddress(index: number): string {
    const { port } = this.targets[index]!.address() as { port: number };
    return `127.0.0.1:${port}`;
  }

  /** Everything runs again, and what is served is exactly what the model says. */
  async settle(model: Model): Promise<void> {
    await new StartServer().resume(model, this);
    await new StartAgent().resume(model, this);
    await new ThawControl().resume(model, this);
    await until('the API has the tunnels of the model', async () => {
      const { items } = await this.edge.api<{ items: TunnelView[] }>('GET', '/tunnels?limit=100');
      assert.deepEqual(items.map(({ id }) => id).toSorted(), [...model.tunnels.keys()].toSorted());
      return true;
    });
    for (const [id, target] of model.tunnels) {
      await until(
        `tunnel ${id} leads to target ${target}`,
        async () => {
          const said = await banner(this.addresses.get(id)!);
          if (said !== `target ${target}`) throw new Error(`it said "${said}"`);
          return true;
        },
        SETTLES_MS,
      );
      await this.edge.activeTunnel(id, SETTLES_MS);
    }
    for (const address of this.removedAddresses) {
      await until(`${address} is closed`, () => refuses(address), SETTLES_MS);
    }
    await until('both files have these services and no other', () => this.filesHave(model));
  }

  private filesHave(model: Model): boolean {
    const wanted = [...model.tunnels.keys()].map((id) => `tunnel.${id}`).toSorted();
    const files = [
      join(this.edge.stateDir, 'rathole/server.toml'),
      join(this.machine.stateDir, 'rathole/data.toml'),
    ];
    for (const file of files) {
      const services = readFileSync(file, 'utf8').matchAll(/services\."(tunnel\.[^"]+)"\]/g);
      const names = [...services].map(([, name]) => name!).toSorted();
      assert.deepEqual(names, wanted, file);
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

const TARGETS = 3;

type Command = fc.AsyncCommand<Model, RealWorld>;

class Create implements Command {
  constructor(readonly targets: readonly number[]) {}

  check = ({ serverRuns, tunnels }: Readonly<Model>) => serverRuns && tunnels.size < 30;

  /** All at once, and nobody waits until they serve. */
  async run(model: Model, real: RealWorld): Promise<void> {
    const created = await Promise.all(
      this.targets.map(async (target) => {
        const address = real.targetAddress(target);
        const machineId = real.machine.id;
        return { target, tunnel: await real.edge.createTunnel({ machineId, target: address }) };
      }),
    );
    for (const { target, tunnel } of created) {
      model.tunnels.set(tunnel.id, target);
      real.addresses.set(tunnel.id, tunnel.address);
      real.removedAddresses.delete(tunnel.address);
    }
  }

  toString = () => `create(${this.targets.join()})`;
}

class Retarget implements Command {
  constructor(
    readonly pick: number,
    readonly target: number,
  ) {}

  check = ({ serverRuns, tunnels }: Readonly<Model>) => serverRuns && tunnels.size > 0;

  async run(model: Model, real: RealWorld): Promise<void> {
    const id = nth(model, this.pick);
    await real.edge.api('PATCH', `/tunnels/${id}`, { target: real.targetAddress(this.target) });
    model.tunnels.set(id, this.target);
  }

  toString = () => `retarget(#${this.pick} → ${this.target})`;
}

class Remove implements Command {
  constructor(readonly pick: number) {}

  check = ({ serverRuns, tunnels }: Readonly<Model>) => serverRuns && tunnels.size > 0;

  async run(model: Model, real: RealWorld): Promise<void> {
    const id = nth(model, this.pick);
    await real.edge.api('DELETE', `/tunnels/${id}`);
    model.tunnels.delete(id);
    real.removedAddresses.add(real.addresses.get(id)!);
  }

  toString = () => `remove(#${this.pick})`;
}

class KillServer implements Command {
  check = ({ serverRuns }: Readonly<Model>) => serverRuns;

  async run(model: Model, { edge }: RealWorld): Promise<void> {
    await edge.endServer('SIGKILL');
    model.serverRuns = false;
  }

  toString = () => 'kill gopher-server';
}

class StartServer implements Command {
  check = ({ serverRuns }: Readonly<Model>) => !serverRuns;

  async run(model: Model, { edge }: RealWorld): Promise<void> {
    await edge.startServer();
    model.serverRuns = true;
  }

  async resume(model: Model, real: RealWorld): Promise<void> {
    if (this.check(model)) await this.run(model, real);
  }

  toString = () => 'start gopher-server';
}

class KillAgent implements Command {
  check = ({ agentRuns }: Readonly<Model>) => agentRuns;

  async run(model: Model, { machine }: RealWorld): Promise<void> {
    await machine.endAgent('SIGKILL');
    model.agentRuns = false;
  }

  toString = () => 'kill gopher-agent';
}

class StartAgent implements Command {
  check = ({ agentRuns }: Readonly<Model>) => !agentRuns;

  async run(model: Model, { machine }: RealWorld): Promise<void> {
    await machine.startAgent();
    model.agentRuns = true;
  }

  async resume(model: Model, real: RealWorld): Promise<void> {
    if (this.check(model)) await this.run(model, real);
  }

  toString = () => 'start gopher-agent';
}

/** Pushes and confirmations are lost for as long as this lasts. */
class FreezeControl implements Command {
  check = ({ controlRuns, agentRuns }: Readonly<Model>) => controlRuns && agentRuns;

  run(model: Model, { machine }: RealWorld): Promise<void> {
    process.kill(machine.clientPid('control'), 'SIGSTOP');
    model.controlRuns = false;
    return Promise.resolve();
  }

  toString = () => 'freeze the control client';
}

class ThawControl implements Command {
  check = ({ controlRuns }: Readonly<Model>) => !controlRuns;

  run(model: Model, { machine }: RealWorld): Promise<void> {
    process.kill(machine.clientPid('control'), 'SIGCONT');
    model.controlRuns = true;
    return Promise.resolve();
  }

  async resume(model: Model, real: RealWorld): Promise<void> {
    if (this.check(model)) await this.run(model, real);
  }

  toString = () => 'thaw the control client';
}

class KillEngine implements Command {
  constructor(readonly which: 'data' | 'rathole-server') {}

  check = () => true;

  run(_: Model, { machine, edge }: RealWorld): Promise<void> {
    const pid = this.which === 'data' ? machine.clientPid('data') : edge.enginePid(this.which);
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // Nobody was there to start it again since the last time.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    return Promise.resolve();
  }

  toString = () => `kill ${this.which}`;
}

const target = fc.nat({ max: TARGETS - 1 });
const pick = fc.nat({ max: 99 });
const constant = (command: Command) => fc.constant(command);

/** Changes are as likely as faults. */
export const commands = (maxCommands: number) =>
  fc.commands(
    [
      fc.array(target, { minLength: 1, maxLength: 6 }).map((targets) => new Create(targets)),
      fc.tuple(pick, target).map(([at, to]) => new Retarget(at, to)),
      pick.map((at) => new Remove(at)),
      fc.array(target, { minLength: 1, maxLength: 2 }).map((targets) => new Create(targets)),
      constant(new KillServer()),
      constant(new StartServer()),
      constant(new KillAgent()),
      constant(new StartAgent()),
      constant(new FreezeControl()),
      constant(new ThawControl()),
      fc.constantFrom<Command>(new KillEngine('data'), new KillEngine('rathole-server')),
    ],
    { maxCommands, size: 'max' },
  );

/** After each sequence everything is let run, compared, and removed. */
export function servesWhatTheDatabaseSays(real: RealWorld, maxCommands: number) {
  return fc.asyncProperty(commands(maxCommands), async (sequence) => {
    const model = emptyModel();
    try {
      await fc.asyncModelRun(() => ({ model, real }), sequence);
      await real.settle(model);
    } finally {
      await removeAll(model, real);
    }
  });
}

async function removeAll(model: Model, real: RealWorld): Promise<void> {
  await new ThawControl().resume(model, real);
  await new StartServer().resume(model, real);
  await new StartAgent().resume(model, real);
  for (const id of model.tunnels.keys()) await real.edge.call('DELETE', `/tunnels/${id}`);
  real.removedAddresses.clear();
}

const nth = ({ tunnels }: Readonly<Model>, pick: number): string =>
  [...tunnels.keys()][pick % tunnels.size]!;

/** What the target says that a visitor reaches. */
async function banner(address: string): Promise<string> {
  const { hostname: host, port } = new URL(`tcp://${address}`);
  const socket = connect({ host, port: Number(port) });
  socket.setTimeout(BANNER_MS, () => socket.destroy(new Error('it said nothing')));
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}
