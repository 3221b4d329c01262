import { dirname } from 'node:path';
import type { Supervisor } from '@gopher/supervisor';
import type { Enrolment } from '../identity/enrolment.js';
import type { TargetPolicy } from '../policy/target-policy.js';
import { ClientObserver } from '../status/client-observer.js';
import { RatholeObserver } from '../status/rathole-observer.js';
import { removeLeftovers } from '../state/atomic-file.js';
import {
  clientFileOf,
  type ClientName,
  type ClientProcess,
  type ControlSlot,
} from '../state/state-directory.js';
import type { CheckListener } from './check-listener.js';
import { ClientFile } from './client-file.js';
import { ClientFileStorage } from './client-file-storage.js';
import { ClientWatchdog } from './client-watchdog.js';
import { ControlClient, type ControlSlots } from './control-client.js';
import { DataClient } from './data-client.js';
import { DataConfig } from './data-config.js';
import type { EdgeContact } from './edge-contact.js';
import { foundConfigFile } from './found-config.js';
import { initialConfig, keptConfigFile } from './kept-config.js';
import type { RatholeBinary } from './rathole-binary.js';
import { type ClientPlace, RatholeClients } from './rathole-clients.js';
import { TunnelLog } from './tunnel-log.js';
import { Uptake } from './uptake.js';

export interface RatholeDoors {
  supervisor: Supervisor;
  binary: RatholeBinary;
  check: CheckListener;
  contact: EdgeContact;
  policy: TargetPolicy;
}

/** Everything that the agent does about rathole on this machine, from start to release. */
export class Rathole {
  private constructor(
    readonly control: ControlClient,
    readonly data: DataClient,
    readonly observer: RatholeObserver,
    /** Never fails but for a port that is taken. */
    readonly start: () => Promise<void>,
    /** Lets go of everything and leaves the clients running. */
    readonly close: () => Promise<void>,
  ) {}

  static async open(enrolment: Enrolment, doors: RatholeDoors): Promise<Rathole> {
    const { record } = enrolment;
    // An adopted file lies where nobody else tidies up.
    await removeLeftovers(dirname(placeOf(enrolment, 'data').file)).catch(() => {});
    const slots = controlSlots(enrolment);
    const controlFile = await slots.open(await slotInForce(enrolment));
    const dataFile = await openFile(enrolment, 'data', 'data');
    const places = {
      control: slots.place(controlFile.state.config.slot),
      data: placeOf(enrolment, 'data'),
    };
    const clients = new RatholeClients(doors.supervisor, doors.binary, places);
    const control = new ControlClient(controlFile, slots, clients, record);
    const config = new DataConfig(dataFile, record, doors.policy);
    const log = new TunnelLog(clients);
    const uptake = new Uptake(clients, log, dataFile.path);
    const data = new DataClient(config, clients, uptake, dataFile.path);
    const watchdog = new ClientWatchdog(clients, doors.contact);
    const observers = {
      control: new ClientObserver('control', clients, control),
      data: new ClientObserver('data', clients, dataFile),
    };
    const start = async () => {
      await doors.check.start();
      watchdog.start();
      await clients.start();
      await control.tidy();
    };
    const close = async () => {
      watchdog.stop();
      await data.close();
      log.close();
      await Promise.all([control.close(), dataFile.close(), doors.check.stop()]);
      await clients.release();
    };
    const configs = { control, data: config, policy: doors.policy };
    const observer = new RatholeObserver(observers, clients, configs, log);
    return new Rathole(control, data, observer, start, close);
  }
}

function controlSlots(enrolment: Enrolment): ControlSlots {
  return {
    place: (slot) => placeOf(enrolment, slot),
    open: (slot) => openFile(enrolment, 'control', slot),
    record: keptConfigFile(enrolment.state.keptFile('control')),
  };
}

async function slotInForce({ state, record }: Enrolment): Promise<ControlSlot> {
  const kept = await keptConfigFile(state.keptFile('control'))
    .read()
    .catch(() => null);
  return kept?.enrolment === record.id ? kept.slot : initialConfig(record, 'control').slot;
}

function placeOf({ state, record }: Enrolment, process: ClientProcess): ClientPlace {
  return { process, file: clientFileOf(state, record, process) };
}

function openFile(enrolment: Enrolment, name: ClientName, process: ClientProcess) {
  const { state, record } = enrolment;
  const kept = keptConfigFile(state.keptFile(name));
  const found = name === 'data' ? foundConfigFile(state.foundFile) : null;
  const storage = new ClientFileStorage(placeOf(enrolment, process).file, kept, found);
  return ClientFile.open(storage, initialConfig(record, name));
}
