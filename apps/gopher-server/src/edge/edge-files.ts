import {
  configSha256,
  type RatholeClientService,
  type RatholeServerService,
  renderClient,
  renderServer,
} from '@gopher/rathole';
import type { RevisionTunnel } from '../revision/machine-revision.entity.js';
import type { DerivedConfig } from '../revision/revisions.js';
import type { EdgeSnapshot, SnapshotMachine, SnapshotTunnel } from './edge-snapshot.js';

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

export interface MachineFiles {
  /** The control client's; empty for a machine without an agent. */
  control: string;
  data: DerivedConfig;
}

export const serviceNames = {
  backChannel: (machineId: string) => `back-channel.${machineId}`,
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
  return {
    control: machine.agent ? client(controlServices(machine, settings), settings) : '',
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
  const { port, checkPort, tokenSealed, checkTokenSealed } = machine.agent;
  return [
    {
      name: serviceNames.backChannel(machine.id),
      type: 'tcp',
      token: open(tokenSealed),
      bindAddr: `127.0.0.1:${port}`,
    },
    {
      name: serviceNames.dataCheck(machine.id),
      type: 'tcp',
      token: open(checkTokenSealed),
      bindAddr: `127.0.0.1:${checkPort}`,
    },
    ...tunnels,
  ];
}

function controlServices({ id, agent }: SnapshotMachine, { open }: EdgeSettings) {
  const services: RatholeClientService[] = [];
  if (agent) {
    services.push({
      name: serviceNames.backChannel(id),
      type: 'tcp',
      token: open(agent.tokenSealed),
      localAddr: `127.0.0.1:${agent.agentPort}`,
    });
  }
  return services;
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
