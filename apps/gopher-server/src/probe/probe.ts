import type { Visit } from '@gopher/diagnosis';
import type { TargetCheck } from '@gopher/proto';
import type { Leg, Proof } from '../tunnel/tunnel.entity.js';

export const PROBE_OUTCOMES = ['passed', 'failed', 'unverified'] as const;
/** `unverified`: nothing speaks against the tunnel, and nothing could be asked either. */
export type ProbeOutcome = (typeof PROBE_OUTCOMES)[number];

/** Milliseconds; null: not measured. */
export interface ProbeLegs {
  /** A round trip through the machine's data client. */
  edgeToMachineMs: number | null;
  /** Until the target took a connection of the machine's, which makes none without need. */
  machineToTargetMs: number | null;
  /** What the target itself took for its first byte; only of one that is declared to speak. */
  firstByteMs: number | null;
}

export type ProbeResult =
  | { outcome: 'passed'; proof: Proof }
  | { outcome: 'unverified'; reason: string }
  | { outcome: 'failed'; leg: Leg; reason: string };

/** One look at one tunnel. */
export interface Probe {
  tunnelId: string;
  machineId: string;
  /** Of the tunnel that was looked at: a change by a person makes it another one. */
  version: number;
  at: Date;
  result: ProbeResult;
  legs: ProbeLegs;
  /** What a visitor waited for his first byte, through the whole path; null: nobody visited. */
  totalMs: number | null;
}

/** @param target as its agent found it; null: it was not asked, or did not say */
export function legsOf(target: TargetCheck | null, roundTripMs: number | null): ProbeLegs {
  return {
    edgeToMachineMs: roundTripMs,
    machineToTargetMs: target && target.connectMs > 0 ? target.connectMs : null,
    firstByteMs: target?.firstByteMs ?? null,
  };
}

/** What a visitor waited for his first byte; null: he got none, or nobody visited. */
export const totalOf = (met: Visit | null): number | null =>
  met?.met === 'bytes' ? met.connectMs + met.firstByteMs : null;
