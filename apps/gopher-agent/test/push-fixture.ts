import { readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { ConfigState, type UpdateRatholeConfigResponse } from '@gopher/proto';
import { configSha256 } from '@gopher/rathole';
import { freePort } from '../../../test/product/free-port.js';
import { until } from '../../../test/product/until.js';
import type { AgentCaller } from './agent-caller.js';
import { TestMachine } from './agent-process.js';
import { exchange, startEcho } from './echo.js';

/** A machine with one tunnel that works, `web`, and one that the edge is ready for, `more`. */
export class PushFixture implements AsyncDisposable {
  caller!: AgentCaller;
  revision = 1;
  private readonly targets: Server[] = [];

  private constructor(
    readonly machine: TestMachine,
    readonly web: number,
    readonly more: number,
  ) {}

  /** @param prepare what is done before the machine is enrolled */
  static async open(
    rathole?: string,
    prepare: (machine: TestMachine) => void | Promise<void> = () => {},
  ): Promise<PushFixture> {
    const machine = await TestMachine.open(rathole);
    await prepare(machine);
    const fixture = new PushFixture(machine, await freePort(), await freePort());
    await fixture.begin();
    return fixture;
  }

  private async begin(): Promise<void> {
    const { machine, web, more } = this;
    const { edge, ports } = machine;
    for (const [name, port] of [
      ['web', web],
      ['more', more],
    ] as const) {
      const [server, targetPort] = await startEcho();
      this.targets.push(server);
      edge.tunnels.push(edge.tunnel(name, `127.0.0.1:${targetPort}`, port));
    }
    await edge.serveTunnels(ports.agent, ports.check);
    const enrolled = await machine.enroll();
    if (enrolled.code !== 0) throw new Error(enrolled.err);
    await machine.run();
    this.caller = machine.caller(ports.agent);
    await this.push(this.toml('web'), 0);
    await this.serving(web);
  }

  /** With these of the two tunnels, and the check. */
  toml(...names: string[]): string {
    const { edge, ports } = this.machine;
    const all = edge.tunnels;
    edge.tunnels = all.filter(({ name }) => names.includes(name));
    const toml = edge.dataToml(ports.check);
    edge.tunnels = all;
    return toml;
  }

  push(toml: string, confirmWithinSeconds: number, revision = ++this.revision) {
    this.revision = Math.max(this.revision, revision);
    return this.caller.call<UpdateRatholeConfigResponse>(
      'updateRatholeConfig',
      { toml, sha256: configSha256(toml), revision: BigInt(revision), confirmWithinSeconds },
      20_000,
    );
  }

  confirm(toml: string, revision = this.revision) {
    const sha256 = configSha256(toml);
    return this.caller.call('confirmRatholeConfig', { revision: BigInt(revision), sha256 });
  }

  file(): Promise<string> {
    return readFile(this.machine.file('rathole', 'data.toml'), 'utf8');
  }

  async serving(port: number): Promise<void> {
    const serves = async () => (await exchange(port, 'ping', 500)) === 'ping';
    await until(`port ${port} serves`, serves, 10_000);
  }

  /** Everything that shows how a push ended, once the old tunnel serves. */
  async afterwards() {
    await this.serving(this.web);
    return { file: await this.file(), ...(await this.caller.status()) };
  }

  /** `afterwards` of a push that was taken back: what was good is, and the edge is told why. */
  back(toml: string, revision: number, reverted: object) {
    return {
      file: toml,
      config: { revision: BigInt(revision), state: ConfigState.APPLIED },
      highestRevision: BigInt(this.revision),
      reverted,
    };
  }

  async restartAgent(): Promise<void> {
    await this.machine.run();
    this.caller = this.machine.caller(this.machine.ports.agent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.targets) server.close();
    await this.machine[Symbol.asyncDispose]();
  }
}
