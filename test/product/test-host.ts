import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Seen by `ip netns exec` in the place of /etc. */
const ETC = '/etc/netns';

/**
 * A host of its own for a machine, on this one: a network namespace with a cable to the test's, and
 * with name service and packet filter of its own.
 */
export class TestHost {
  private constructor(
    private readonly name: string,
    /** Its own address. */
    readonly address: string,
    /** That of the test's side of the cable, where an edge can listen. */
    readonly edgeAddress: string,
  ) {}

  /** Why there can be none here; null: there can. */
  static obstacle(): string | null {
    if (process.getuid?.() !== 0) return 'only root can make network namespaces';
    if (spawnSync('ip', ['netns', 'list']).status !== 0) return 'there is no ip (iproute2)';
    if (spawnSync('nft', ['list', 'tables']).status !== 0) return 'there is no nft (nftables)';
    return null;
  }

  static create(): TestHost {
    const id = process.pid % 62_500;
    const net = `10.214.${id % 250}.${4 * (Math.floor(id / 250) % 60)}`;
    const last = Number(net.split('.')[3]);
    const address = (offset: number) => net.replace(/\d+$/, String(last + offset));
    const host = new TestHost(`gopher${id}`, address(2), address(1));
    try {
      host.plug();
    } catch (error) {
      host.remove();
      throw error;
    }
    return host;
  }

  /** What a command begins with that is to run there. */
  get prefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** What its own file of names says from now on. In place: rathole, once started, sees it as well. */
  names(entries: Record<string, string>): void {
    const lines = Object.entries(entries).map(([name, address]) => `${address} ${name}`);
    writeFileSync(join(this.etc, 'hosts'), ['127.0.0.1 localhost', ...lines, ''].join('\n'));
  }

  /** Drops without a word what it sends to that port. */
  filter(port: number): void {
    const rules = [
      'add table inet gopher',
      'add chain inet gopher out { type filter hook output priority 0; }',
      `add rule inet gopher out tcp dport ${port} drop`,
    ];
    run([...this.prefix, 'nft', rules.join('\n')]);
  }

  unfilter(): void {
    run([...this.prefix, 'nft', 'delete table inet gopher']);
  }

  remove(): void {
    spawnSync('ip', ['netns', 'delete', this.name]);
    rmSync(this.etc, { recursive: true, force: true });
  }

  private get etc(): string {
    return join(ETC, this.name);
  }

  private plug(): void {
    const { name } = this;
    mkdirSync(this.etc, { recursive: true });
    this.names({});
    // Nobody answers there, and says so at once.
    writeFileSync(join(this.etc, 'resolv.conf'), 'nameserver 127.0.0.1\n');
    const near = `${name}e`;
    run(['ip', 'netns', 'add', name]);
    run(['ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
    run(['ip', 'address', 'add', `${this.edgeAddress}/30`, 'dev', near]);
    run(['ip', 'link', 'set', near, 'up']);
    run(['ip', '-n', name, 'address', 'add', `${this.address}/30`, 'dev', 'eth0']);
    for (const link of ['lo', 'eth0']) run(['ip', '-n', name, 'link', 'set', link, 'up']);
  }
}

function run([program = '', ...args]: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}
