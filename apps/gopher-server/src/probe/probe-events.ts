import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Probe } from './probe.js';
import type { Verdict } from './tunnel-verdict.js';

/** What is found of tunnels, for those who want to hear of it. */
@Injectable()
export class ProbeEvents {
  /** A tunnel has another state, or fails for another reason. */
  readonly changed = new Subject<{ tunnelId: string; machineId: string; verdict: Verdict }>();
  /** Every probe but those of tunnels that still wait for their machines. */
  readonly probed = new Subject<Probe>();
}
