import type { ClientFileState } from '../rathole/client-file.js';
import type { ControlClient } from '../rathole/control-client.js';
import type { DataConfig } from '../rathole/data-config.js';
import type { RatholeClients } from '../rathole/rathole-clients.js';
import type { TunnelLog } from '../rathole/tunnel-log.js';
import type { ClientName } from '../state/state-directory.js';
import type { ClientObservation, ClientObserver } from './client-observer.js';

export interface RatholeObservation {
  control: ClientObservation;
  data: ClientObservation;
  config: ClientFileState;
  /** Of the control client's configuration. */
  controlSha256: string;
  activeTunnels: number;
  /** Empty when it could not be told. */
  version: string;
}

/** Everything about rathole on this machine, at one moment. */
export class RatholeObserver {
  constructor(
    private readonly observers: Record<ClientName, ClientObserver>,
    private readonly clients: RatholeClients,
    private readonly configs: { control: ControlClient; data: DataConfig },
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
      version: this.clients.ratholeVersion,
    };
  }

  /** Where that client writes its log. */
  logFile(name: ClientName): string {
    return this.clients.logFile(name);
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
