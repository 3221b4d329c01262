import { Injectable, type Provider, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AgentCertificateCheck } from './check/agent-certificate.check.js';
import { AgentCheck } from './check/agent.check.js';
import { ControlPortCheck } from './check/control-port.check.js';
import { DataPathCheck } from './check/data-path.check.js';
import { DatabaseCheck } from './check/database.check.js';
import { EdgeDiskCheck } from './check/edge-disk.check.js';
import { EdgeInodesCheck } from './check/edge-inodes.check.js';
import { EdgeMemoryCheck } from './check/edge-memory.check.js';
import { NoiseServicesCheck } from './check/noise-services.check.js';
import { PortLeasesCheck } from './check/port-leases.check.js';
import { RatholeCapabilitiesCheck } from './check/rathole-capabilities.check.js';
import { RatholeRunsCheck } from './check/rathole-runs.check.js';
import { RevisionCheck } from './check/revision.check.js';
import { TunnelPortCheck } from './check/tunnel-port.check.js';
import { TunnelProbeCheck } from './check/tunnel-probe.check.js';
import type { EdgeCheck } from './edge-check.js';
import type { ExaminedMachine } from './examined-machine.js';

const OF_EDGE: Type<EdgeCheck>[] = [
  EdgeDiskCheck,
  EdgeInodesCheck,
  EdgeMemoryCheck,
  DatabaseCheck,
  RatholeRunsCheck,
  ControlPortCheck,
  PortLeasesCheck,
  NoiseServicesCheck,
  RatholeCapabilitiesCheck,
];
const OF_MACHINE: Type<EdgeCheck<ExaminedMachine>>[] = [
  AgentCertificateCheck,
  AgentCheck,
  RevisionCheck,
  DataPathCheck,
];
const OF_TUNNEL: Type<EdgeCheck<ExaminedMachine>>[] = [TunnelPortCheck, TunnelProbeCheck];

export const EDGE_CHECKS: Provider[] = [...OF_EDGE, ...OF_MACHINE, ...OF_TUNNEL];

/** What the edge looks at, by what it is about. */
@Injectable()
export class EdgeChecks {
  constructor(private readonly providers: ModuleRef) {}

  get edge(): EdgeCheck[] {
    return OF_EDGE.map((type) => this.providers.get(type));
  }

  get machine(): EdgeCheck<ExaminedMachine>[] {
    return OF_MACHINE.map((type) => this.providers.get(type));
  }

  /** Each for all tunnels of a machine that are looked at. */
  get tunnel(): EdgeCheck<ExaminedMachine>[] {
    return OF_TUNNEL.map((type) => this.providers.get(type));
  }
}
