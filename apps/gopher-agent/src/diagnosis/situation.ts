import type { System } from '@gopher/host';
import { parseClient, type RatholeClientConfig } from '@gopher/rathole';
import type { ProcessView } from '../host/client-process.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import type { TargetPolicy } from '../policy/target-policy.js';
import type { PolicyRefusal } from '../rathole/data-config.js';
import { inForce, type KeptConfig } from '../rathole/kept-config.js';
import type { DownTunnel } from '../rathole/tunnel-log.js';
import type { ClientName } from '../state/state-directory.js';
import type { EdgeClock } from './edge-clock.js';

export interface ClientSituation {
  file: string;
  kept: KeptConfig;
  view: ProcessView;
  pid: number | null;
  /** Why it is not connected, where more is known than the view says. */
  detail: string;
  /** Of what someone else did to its file lately and was repaired; empty: nothing is known. */
  repaired: string;
  /** Runs with another command line than the agent would use now. */
  restartNeeded: boolean;
}

/** All that the checks start from: the running agent knows more of it than the state directory. */
export interface Situation {
  record: EnrolmentRecord;
  stateDir: string;
  policy: TargetPolicy;
  /** null: it does not run. */
  agentPid: number | null;
  clients: Record<ClientName, ClientSituation>;
  /** Services of the data client that its log says are not established with the edge. */
  downTunnels: readonly DownTunnel[];
  /** Empty when it could not be told. */
  ratholeVersion: string;
  system: System;
  policyRefusal: PolicyRefusal | null;
  /** Of what the data client should run; empty: nobody said. */
  expectedSha256: string;
  edgeClock: EdgeClock;
}

/** What it is to run now; null when that can not be understood. */
export function configOf({ kept }: ClientSituation): RatholeClientConfig | null {
  try {
    return parseClient(inForce(kept).toml);
  } catch {
    return null;
  }
}
