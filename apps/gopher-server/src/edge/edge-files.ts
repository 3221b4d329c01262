import {
  configSha256,
  type RatholeClientService,
  type RatholeServerService,
  renderClient,
  renderServer,
} from '@gopher/rathole';
import type { RevisionTunnel } from '../revision/machine-revision.entity.js';
import type { DerivedConfig } from '../revision/revisions.js';
import type {
  EdgeSnapshot,
  SnapshotBackChannel,
  SnapshotMachine,
  SnapshotTunnel,
} from './edge-snapshot.js';

/** Seconds. A frozen peer shows within a few of these; the defaults of rathole are 30 and 40. */
const HEARTBEAT_INTERVAL_S = 10;
const HEARTBEAT_TIMEOUT_S = 15;
const RETRY_INTERVAL_S = 1;

export interface EdgeSettings {
  /** host:port that rathole's control port listens on. */
  ratholeBind: string;
  /** host:port at which machines reach it. */
  ratholePublic: string;
  noisePublicKey: string;
  noisePrivateKey: string;
  /** Opens a sealed rathole token. */
  open: (sealed: string) => string;
}

/** A file of a control client, and the port on the edge's loopback that leads through it. */
export interface ControlFile {
  toml: string;
  sha256: string;
  port: number;
}

export interface MachineFiles {
  /** null: the machine has no agent. */
  control: ControlFile | null;
  /** Of the control client that is to take the place of the present one; null: none is. */
  nextControl: ControlFile | null;
  data: DerivedConfig;
}

type ControlWay = Pick<SnapshotBackChannel, 'port' | 'tokenSealed' | 'agentPort'> & {
  name: string;
};

export const serviceNames = {
  backChannel: (machineId: string, generation: number) =>
    generation === 0 ? `back-channel.${machineId}` : `back-channel.${machineId}.${generation}`,
  dataCheck: (machineId: string) => `check.${machineId}`,
  tunnel: (tunnelId: string) => `tunnel.${tunnelId}`,
};

/** The file of the rathole server. */
export function deriveServerFile(snapshot: EdgeSnapshot, settings: EdgeSettings): string {
  return renderServer({
    bindAddr: settings.ratholeBind,
    heartbeatIntervalS: HEARTBEAT_INTERVAL_S,
    localPrivateKey: settings.noisePrivateKey,
    services: snapshot.machines.flatMap((machine) => serverServices(machine, settings)),
  });
}

/** The files of one machine's rathole clients. */
export function deriveMachineFiles(machine: SnapshotMachine, settings: EdgeSettings): MachineFiles {
  const toml = client(dataServices(machine, settings), settings);
  const [control = null, nextControl = null] = controlWays(machine).map((way) =>
    controlFile(way, settings),
  );
  return {
    control,
    nextControl,
    data: { toml, sha256: configSha256(toml), tunnels: machine.tunnels.map(withoutToken) },
  };
}

function serverServices(machine: SnapshotMachine, { open }: EdgeSettings): RatholeServerService[] {
  const tunnels = machine.tunnels.map((tunnel): RatholeServerService => ({
    name: serviceNames.tunnel(tunnel.id),
    type: tunnel.protocol,
    token: open(tunnel.tokenSealed),
    bindAddr: visitorAddress(tunnel),
  }));
  if (!machine.agent) return tunnels;
  const { checkPort, checkTokenSealed } = machine.agent;
  return [
    ...controlWays(machine).map(({ name, port, tokenSealed }): RatholeServerService => ({
      name,
      type: 'tcp',
      token: open(tokenSealed),
      bindAddr: `127.0.0.1:${port}`,
    })),
    {
      name: serviceNames.dataCheck(machine.id),
      type: 'tcp',
      token: open(checkTokenSealed),
      bindAddr: `127.0.0.1:${checkPort}`,
    },
    ...tunnels,
  ];
}

/** The back-channel of the present control client, and that of the next one. */
function controlWays({ id, agent }: SnapshotMachine): ControlWay[] {
  if (!agent) return [];
  const { agentPort, generation, port, tokenSealed, nextPort, nextTokenSealed } = agent;
  const name = serviceNames.backChannel(id, generation);
  const present = { name, port, tokenSealed, agentPort };
  if (nextPort === null || nextTokenSealed === null) return [present];
  const nextName = serviceNames.backChannel(id, generation + 1);
  return [present, { name: nextName, port: nextPort, tokenSealed: nextTokenSealed, agentPort }];
}

function controlFile(way: ControlWay, settings: EdgeSettings): ControlFile {
  const { name, port, tokenSealed, agentPort } = way;
  const localAddr = `127.0.0.1:${agentPort}`;
  const service = { name, type: 'tcp', token: settings.open(tokenSealed), localAddr } as const;
  const toml = client([service], settings);
  return { toml, sha256: configSha256(toml), port };
}

function dataServices({ id, agent, tunnels }: SnapshotMachine, { open }: EdgeSettings) {
  const services: RatholeClientService[] = tunnels.map(
    ({ id: tunnelId, protocol, target, tokenSealed }) => ({
      name: serviceNames.tunnel(tunnelId),
      type: protocol,
      token: open(tokenSealed),
      localAddr: target,
    }),
  );
  if (agent) {
    services.push({
      name: serviceNames.dataCheck(id),
      type: 'tcp',
      token: open(agent.checkTokenSealed),
      localAddr: `127.0.0.1:${agent.agentCheckPort}`,
    });
  }
  return services;
}

function client(services: RatholeClientService[], settings: EdgeSettings): string {
  return renderClient({
    remoteAddr: settings.ratholePublic,
    remotePublicKey: settings.noisePublicKey,
    heartbeatTimeoutS: HEARTBEAT_TIMEOUT_S,
    retryIntervalS: RETRY_INTERVAL_S,
    services,
  });
}

const withoutToken = ({ id, protocol, target, bindAddress, port }: SnapshotTunnel) =>
  ({ id, protocol, target, bindAddress, port }) satisfies RevisionTunnel;

function visitorAddress({ bindAddress, port }: SnapshotTunnel): string {
  return bindAddress.includes(':') ? `[${bindAddress}]:${port}` : `${bindAddress}:${port}`;
}
