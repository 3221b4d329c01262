import type { Visit } from '@gopher/diagnosis';
import type { TargetCheck } from '@gopher/proto';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import type { ProbeResult } from './probe.js';
import { targetFailure, unreachable } from './target-failure.js';
import { notServed } from './tunnel-verdict.js';

/** Whether bytes pass a machine's data client. */
export type DataPathFinding =
  { state: 'serves' } | { state: 'broken'; detail: string } | { state: 'unknown'; why: string };

export interface ProbeFindings {
  /** null: nobody visited, since it is not declared what the service speaks. */
  visit: Visit | null;
  /** Whether anybody listens on its port; null: that is not to be seen. */
  isOpen: boolean | null;
  dataPath: DataPathFinding;
  /** What the agent found of the target; null: it did not say. */
  target: TargetCheck | null;
  /** A visitor got bytes of the service not long ago. */
  hasTraffic: boolean;
  /** Why nothing is served on the whole edge; null: its rathole runs. */
  edgeProblem: string | null;
}

type Probed = Pick<Tunnel, 'protocol' | 'target' | 'speaks' | 'port'>;

/** What a probe makes of a tunnel that was up. */
export function probeVerdict(tunnel: Probed, findings: ProbeFindings): ProbeResult {
  const { visit, dataPath } = findings;
  if (visit?.met === 'bytes' && visit.speaks) return { outcome: 'passed', proof: 'bytes' };
  const isClosed = visit === null ? findings.isOpen === false : visit.met === 'nobody';
  if (isClosed) return { outcome: 'failed', ...notServed(tunnel, findings.edgeProblem) };
  if (dataPath.state === 'broken' && visit?.met !== 'bytes') {
    const reason = `No bytes pass the data client: ${dataPath.detail}`;
    return { outcome: 'failed', leg: 'rathole→machine', reason };
  }
  if (visit && visit.met !== 'nobody') {
    return { outcome: 'failed', ...targetFailure(tunnel, visit, findings.target) };
  }
  return tunnel.protocol === 'udp' ? udpResult(dataPath) : undeclaredResult(tunnel, findings);
}

function udpResult(dataPath: DataPathFinding): ProbeResult {
  if (dataPath.state !== 'unknown') return { outcome: 'passed', proof: 'bound' };
  return { outcome: 'unverified', reason: dataPath.why };
}

function undeclaredResult(tunnel: Probed, findings: ProbeFindings): ProbeResult {
  const { target, dataPath, hasTraffic } = findings;
  if (target && !target.accepts) {
    return { outcome: 'failed', ...unreachable(tunnel.target, target.detail) };
  }
  if (hasTraffic) return { outcome: 'passed', proof: 'bytes' };
  if (dataPath.state === 'unknown') return { outcome: 'unverified', reason: dataPath.why };
  if (target) return { outcome: 'passed', proof: 'accepted' };
  return { outcome: 'unverified', reason: 'The agent does not say how the target is' };
}
