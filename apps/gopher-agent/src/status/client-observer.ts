import { type ProcessView, viewProcess } from '../host/client-process.js';
import { ConnectionLook } from '../host/tcp-connections.js';
import { parseClient, parseHostPort } from '@gopher/rathole';
import { inForce } from '../rathole/kept-config.js';
import type { ClientFileState } from '../rathole/client-file.js';
import type { RatholeClients } from '../rathole/rathole-clients.js';
import type { ClientName } from '../state/state-directory.js';

export interface ClientObservation {
  view: ProcessView;
  pid: number | null;
  startedAt: Date | null;
  restarts: number;
  restartNeeded: boolean;
  /** Why it is not connected; empty when it is. */
  detail: string;
}

/** How one rathole client is: from what the supervisor knows and what the kernel shows. */
export class ClientObserver {
  private remote: { toml: string; text: string; connection: ConnectionLook | null } | null = null;

  constructor(
    private readonly name: ClientName,
    private readonly clients: RatholeClients,
    private readonly file: { readonly state: ClientFileState },
  ) {}

  observe(): ClientObservation {
    const status = this.clients.status(this.name);
    const pid = status?.pid ?? null;
    const view = pid === null ? 'gone' : viewProcess(pid, this.remoteEnd().connection);
    return {
      view,
      pid: view === 'gone' ? null : pid,
      startedAt: view === 'gone' ? null : (status?.startedAt ?? null),
      restarts: this.clients.restarts(this.name),
      restartNeeded: status?.restartNeeded ?? false,
      detail: this.detail(view),
    };
  }

  private detail(view: ProcessView): string {
    if (view === 'connected') return '';
    if (view === 'frozen') return 'The process is stopped by a signal or a debugger';
    if (view === 'running') return `No established connection to ${this.remoteEnd().text}`;
    const problem = this.clients.problem(this.name);
    if (problem) return problem;
    const exit = this.clients.status(this.name)?.lastExit;
    if (!exit) return 'It was not started yet';
    const how = exit.signal ?? (exit.code === null ? '' : `code ${exit.code}`);
    return `It ended at ${exit.at.toISOString()}${how ? ` (${how})` : ''} and is being started again`;
  }

  /** Where the client is told to connect to, read again only when the file changed. */
  private remoteEnd() {
    const { toml } = inForce(this.file.state.config);
    if (this.remote?.toml !== toml) {
      const text = remoteAddress(toml);
      const end = parseHostPort(text);
      this.remote = { toml, text, connection: end && new ConnectionLook(end) };
    }
    return this.remote;
  }
}

function remoteAddress(toml: string): string {
  try {
    return parseClient(toml).remoteAddr;
  } catch {
    return 'the edge';
  }
}
