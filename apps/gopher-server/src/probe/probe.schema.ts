import { z } from 'zod';
import { LEGS, PROOFS, type Tunnel } from '../tunnel/tunnel.entity.js';
import { PROBE_OUTCOMES } from './probe.js';
import { summarize } from './probe-summary.js';
import type { TunnelProbe } from './tunnel-probe.entity.js';

const MAX_RECENT = 720;

export const readProbes = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_RECENT).default(20),
});
export type ReadProbes = z.output<typeof readProbes>;

const ms = z.number().nonnegative();

const legs = {
  edgeToMachineMs: 'A round trip between the edge and the machine, through its data client',
  machineToTargetMs:
    'Until the target took a connection of the machine’s agent; null: it made none, as to one on its own machine that listens as before',
  firstByteMs: 'What the target itself takes for its first byte, without the way to it',
  totalMs: 'What a visitor waits for his first byte, through the whole path',
};

const ofEachLeg = <T extends z.ZodType>(value: T) => ({
  edgeToMachineMs: value.meta({ description: legs.edgeToMachineMs }),
  machineToTargetMs: value.meta({ description: legs.machineToTargetMs }),
  firstByteMs: value.meta({ description: legs.firstByteMs }),
  totalMs: value.meta({ description: legs.totalMs }),
});

const probeView = z
  .object({
    at: z.iso.datetime(),
    outcome: z.enum(PROBE_OUTCOMES).meta({
      description: 'unverified: nothing speaks against the tunnel, and nothing could be asked',
    }),
    proof: z.enum(PROOFS).nullable(),
    leg: z.enum(LEGS).nullable().meta({ description: 'The leg that is broken' }),
    reason: z.string().nullable().meta({ description: 'Why it failed, or is not verified' }),
    ...ofEachLeg(ms.nullable()),
  })
  .meta({ id: 'TunnelProbe' });

const legSummary = z
  .object({ last: ms, min: ms, avg: ms, max: ms, p95: ms })
  .nullable()
  .meta({ id: 'ProbeLegSummary' });

export const tunnelProbesView = z
  .object({
    tunnelId: z.uuid(),
    last: probeView.nullable().meta({ description: 'null: not probed within the hour' }),
    lastHour: z.object({
      probes: z.int(),
      failed: z.int(),
      unverified: z.int(),
      loss: z
        .number()
        .nullable()
        .meta({ description: 'Share of probes that failed, 0 to 1; null: there were none' }),
      ...ofEachLeg(legSummary),
    }),
    recent: z.array(probeView).meta({ description: 'Newest first' }),
  })
  .meta({ id: 'TunnelProbes' });
export type TunnelProbesView = z.output<typeof tunnelProbesView>;

/** @param probes of the last hour, newest first */
export function toTunnelProbesView(
  { id }: Pick<Tunnel, 'id'>,
  probes: readonly TunnelProbe[],
  limit: number,
): TunnelProbesView {
  const { measured, ...counts } = summarize(probes);
  const recent = probes.slice(0, limit).map(toProbeView);
  return {
    tunnelId: id,
    last: recent[0] ?? null,
    lastHour: { ...counts, ...measured },
    recent,
  };
}

function toProbeView(probe: TunnelProbe): z.output<typeof probeView> {
  const { at, outcome, proof, leg, reason } = probe;
  const { edgeToMachineMs, machineToTargetMs, firstByteMs, totalMs } = probe;
  const measured = { edgeToMachineMs, machineToTargetMs, firstByteMs, totalMs };
  return { at: at.toISOString(), outcome, proof, leg, reason, ...measured };
}
