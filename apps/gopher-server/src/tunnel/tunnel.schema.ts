import { z } from 'zod';
import { APPLICATIONS } from '@gopher/diagnosis';
import type { DataPathObservation } from '@gopher/machine';
import { hostPortPattern, parseHostPort } from '@gopher/rathole';
import { pageQuery, pageView } from '../http/paging.js';
import { resourceId } from '../http/resource-id.js';
import { NOTHING_TO_SPEAK } from './tunnel.errors.js';
import { LEGS, PROOFS, type Tunnel, TUNNEL_PROTOCOLS, TUNNEL_STATES } from './tunnel.entity.js';

export const tunnelId = resourceId;

const port = z.int().min(1).max(65_535);

const target = z
  .string()
  .max(260)
  .refine(
    (text) => parseHostPort(text) !== null,
    'must be host:port with a port from 1 to 65535, as in 192.168.1.5:80 or localhost:22',
  )
  .meta({
    description: 'host:port as the machine sees it',
    pattern: hostPortPattern(),
    example: '192.168.1.5:80',
  });

const speaks = z
  .enum(APPLICATIONS)
  .nullable()
  .meta({
    description:
      'What the service speaks: with that, probes ask it for bytes, and nothing else does. ' +
      '`http`: it answers a request, `tls`: a TLS hello, `banner`: it speaks first; null: not declared',
  });

// rathole does not understand a zone, as in fe80::1%eth0.
const bindAddress = z.union([z.ipv4(), z.ipv6()], {
  error: 'must be an IPv4 or IPv6 address without a zone, as in 127.0.0.1 or 0.0.0.0',
});

export const createTunnel = z
  .strictObject({
    machineId: resourceId,
    protocol: z.enum(TUNNEL_PROTOCOLS).default('tcp'),
    target,
    speaks: speaks.default(null),
    port: port.optional().meta({ description: 'The port on the edge; default: one that is free' }),
    bindAddress: bindAddress.default('127.0.0.1').meta({
      description: 'The address of the edge on which visitors arrive; default: this host only',
    }),
  })
  .refine(({ protocol, speaks }) => protocol === 'tcp' || speaks === null, {
    path: ['speaks'],
    message: NOTHING_TO_SPEAK,
  })
  .meta({ id: 'CreateTunnel' });
export type CreateTunnel = z.output<typeof createTunnel>;

export const updateTunnel = z
  .strictObject({ target: target.optional(), speaks: speaks.optional() })
  .refine((change) => Object.keys(change).length > 0, 'must have target, speaks or both')
  .meta({ id: 'UpdateTunnel', minProperties: 1 });
export type UpdateTunnel = z.output<typeof updateTunnel>;

export const listTunnels = z.strictObject({ ...pageQuery, machineId: resourceId.optional() });
export type ListTunnels = z.output<typeof listTunnels>;

export const tunnelView = z
  .object({
    id: z.uuid(),
    machineId: z.uuid(),
    protocol: z.enum(TUNNEL_PROTOCOLS),
    target: z.string(),
    speaks,
    address: z.string().meta({ description: 'Where visitors reach it on the edge, host:port' }),
    bindAddress: z.string(),
    port,
    state: z.enum(TUNNEL_STATES),
    leg: z
      .enum(LEGS)
      .nullable()
      .meta({ description: 'The leg that is broken; null unless failed' }),
    reason: z.string().nullable().meta({ description: 'Why it is pending or failed' }),
    proof: z.enum(PROOFS).nullable().meta({ description: 'What an active tunnel rests on' }),
    probedAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    version: z.int(),
  })
  .meta({ id: 'Tunnel' });
export type TunnelView = z.output<typeof tunnelView>;

export const tunnelPage = pageView(tunnelView, 'TunnelPage');

/** An active tunnel whose machine carries no bytes now does not serve, whatever its last probe said. */
export function toTunnelView(tunnel: Tunnel, dataPath: DataPathObservation | null): TunnelView {
  const broken = tunnel.state === 'active' && dataPath !== null && !dataPath.serves;
  const { id, machineId, protocol, bindAddress, version } = tunnel;
  return {
    id,
    machineId,
    protocol,
    target: tunnel.target,
    speaks: tunnel.speaks,
    address: `${bindAddress.includes(':') ? `[${bindAddress}]` : bindAddress}:${tunnel.port}`,
    bindAddress,
    port: tunnel.port,
    state: broken ? 'failed' : tunnel.state,
    leg: broken ? 'rathole→machine' : tunnel.leg,
    reason: broken ? `No bytes pass the data client: ${dataPath.detail}` : tunnel.reason,
    proof: broken ? null : tunnel.proof,
    probedAt: tunnel.probedAt?.toISOString() ?? null,
    createdAt: tunnel.createdAt.toISOString(),
    version,
  };
}
