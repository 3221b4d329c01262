import type { Check } from '@gopher/diagnosis';
import { agentRuns } from './checks/agent-runs.js';
import { certificate } from './checks/certificate.js';
import { clients } from './checks/clients.js';
import { clock } from './checks/clock.js';
import { configExpected } from './checks/config-expected.js';
import { configFiles } from './checks/config-files.js';
import { controlPort } from './checks/control-port.js';
import { edgeName } from './checks/edge-name.js';
import { fileSystems } from './checks/file-systems.js';
import { memory } from './checks/memory.js';
import { policy } from './checks/policy.js';
import { targets } from './checks/targets.js';
import { versions } from './checks/versions.js';
import { type Declared } from '../rathole/target-check.js';
import { runAll } from './examination.js';
import type { Situation } from './situation.js';

/** Every check that can be made on the machine itself. Rejects never, and ends within 5 s. */
export function diagnose(situation: Situation, declared: Declared = new Map()): Promise<Check[]> {
  const examinations = [
    fileSystems,
    memory,
    clock,
    configFiles,
    edgeName,
    controlPort,
    agentRuns,
    clients,
    certificate,
    policy,
    configExpected,
    targets(declared),
    versions,
  ];
  return runAll(examinations, situation);
}
