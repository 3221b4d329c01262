import type { TargetPolicy } from '../policy/target-policy.js';
import type { RatholeClientService } from '@gopher/rathole';
import type { ClientFileState } from '../rathole/client-file.js';
import type { ControlClient } from '../rathole/control-client.js';
import type { DataConfig, PolicyRefusal } from '../rathole/data-config.js';
import type { RatholeClients } from '../rathole/rathole-clients.js';
import type { DownTunnel, TunnelLog } from '../rathole/tunnel-log.js';
import type { ClientName } from '../state/state-directory.js';
import type { ClientObservation, ClientObserver } from './client-observer.js';

export interface RatholeObservation {
  control: ClientObservation;
  data: ClientObservation;
  config: ClientFileState;
  /** Of the control client's configuration. */
  controlSha256: string;
  activeTunnels: number;
  /** Of the machine's policy file; empty: there is none. */
  policyVersion: string;
  /** Empty when it could not be told. */
  version: string;
}

export interface ClientFacts {
  state: ClientFileState;
  seen: ClientObservation;
}

/** What a diagnosis starts from. */
export interface RatholeFacts {
  clients: Record<ClientName, ClientFacts>;
  /** Services that are not established, though the data client is connected. */
  downTunnels: DownTunnel[];
  ratholeVersion: string;
  policyRefusal: PolicyRefusal | null;
  policy: TargetPolicy;
}

/** Everything about rathole on this machine, at one moment. */
export class RatholeObserver {
  constructor(
    private readonly observers: Record<ClientName, ClientObserver>,
    private readonly clients: RatholeClients,
    private readonly configs: { control: ControlClient; data: DataConfig; policy: TargetPolicy },
    private readonly log: TunnelLog,
  ) {}

  /** A look at what nobody tells of: connections and frozen processes. */
  observe(): RatholeObservation {
    this.log.look();
    const data = this.observers.data.observe();
    const isConnected = data.view === 'connected';
    const problem = this.log.problem();
    const detail = data.view === 'running' && problem ? `${data.detail}: ${problem}` : data.detail;
    return {
      control: this.observers.control.observe(),
      data: { ...data, detail },
      config: this.configs.data.state,
      controlSha256: this.configs.control.state.config.sha256,
      activeTunnels: isConnected ? this.log.established(this.configs.data.tunnelNames) : 0,
      policyVersion: this.configs.policy.version(),
      version: this.clients.ratholeVersion,
    };
  }

  /** Of the clients; null: it does not run. */
  pids(): Record<ClientName, number | null> {
    const pidOf = (name: ClientName) => this.clients.status(name)?.pid ?? null;
    return { control: pidOf('control'), data: pidOf('data') };
  }

  /** What the data client is meant to serve; empty when that can not be understood any more. */
  tunnels(): RatholeClientService[] {
    return this.configs.data.tunnels;
  }

  /** Where that client writes its log. */
  logFile(name: ClientName): string {
    return this.clients.logFile(name);
  }

  examine(): RatholeFacts {
    const { control, data, version } = this.observe();
    const { configs } = this;
    const names = configs.data.config?.services.map(({ name }) => name) ?? [];
    return {
      clients: {
        control: { state: configs.control.state, seen: control },
        data: { state: configs.data.state, seen: data },
      },
      downTunnels: data.view === 'connected' ? this.log.down(names) : [],
      ratholeVersion: version,
      policyRefusal: configs.data.policyRefusal,
      policy: configs.policy,
    };
  }

  /** Calls when something is known to have changed; a look finds the rest. */
  onChange(listener: () => void): () => void {
    const ends = [
      this.clients.onChange(listener),
      this.configs.control.onChange(listener),
      this.configs.data.onChange(listener),
      this.log.onChange(listener),
    ];
    return () => ends.forEach((end) => end());
  }
}
