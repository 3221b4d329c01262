import type { Supervisor } from '@gopher/supervisor';
import type { Enrolment } from '../identity/enrolment.js';
import { ClientObserver } from '../status/client-observer.js';
import { RatholeObserver } from '../status/rathole-observer.js';
import { clientFileOf, type ClientName } from '../state/state-directory.js';
import type { CheckListener } from './check-listener.js';
import { ClientFile } from './client-file.js';
import { ClientFileStorage } from './client-file-storage.js';
import { ClientWatchdog } from './client-watchdog.js';
import { DataClient } from './data-client.js';
import { DataConfig } from './data-config.js';
import type { EdgeContact } from './edge-contact.js';
import { initialConfig, keptConfigFile } from './kept-config.js';
import type { RatholeBinary } from './rathole-binary.js';
import { RatholeClients } from './rathole-clients.js';
import { TunnelLog } from './tunnel-log.js';

export interface RatholeDoors {
  supervisor: Supervisor;
  binary: RatholeBinary;
  check: CheckListener;
  contact: EdgeContact;
}

/** Everything that the agent does about rathole on this machine, from start to release. */
export class Rathole {
  private constructor(
    readonly data: DataClient,
    readonly observer: RatholeObserver,
    /** Never fails but for a port that is taken. */
    readonly start: () => Promise<void>,
    /** Lets go of everything and leaves the clients running. */
    readonly close: () => Promise<void>,
  ) {}

  static async open(enrolment: Enrolment, doors: RatholeDoors): Promise<Rathole> {
    const files = {
      control: await openFile(enrolment, 'control'),
      data: await openFile(enrolment, 'data'),
    };
    const paths = { control: files.control.path, data: files.data.path };
    const clients = new RatholeClients(doors.supervisor, doors.binary, paths);
    const config = new DataConfig(files.data, enrolment.record);
    const log = new TunnelLog(clients);
    const watchdog = new ClientWatchdog(clients, doors.contact);
    const observers = {
      control: new ClientObserver('control', clients, files.control),
      data: new ClientObserver('data', clients, files.data),
    };
    const start = async () => {
      await doors.check.start();
      watchdog.start();
      await clients.start();
    };
    const close = async () => {
      watchdog.stop();
      log.close();
      await Promise.all([files.control.close(), files.data.close(), doors.check.stop()]);
      await clients.release();
    };
    const observer = new RatholeObserver(observers, clients, config, log);
    return new Rathole(new DataClient(config, clients, paths.data), observer, start, close);
  }
}

function openFile({ state, record }: Enrolment, name: ClientName): Promise<ClientFile> {
  const kept = keptConfigFile(state.keptFile(name));
  const storage = new ClientFileStorage(clientFileOf(state, record, name), kept);
  return ClientFile.open(storage, initialConfig(record, name));
}
