export const SERVICE_TYPES = ['tcp', 'udp'] as const;
export type ServiceType = (typeof SERVICE_TYPES)[number];

/** A rathole server, with the Noise transport. */
export interface RatholeServerConfig {
  /** host:port of the control port. */
  bindAddr: string;
  /** Seconds between two heartbeats from server to client; 0 sends none. */
  heartbeatIntervalS: number;
  /** 32 bytes, base64. */
  localPrivateKey: string;
  services: readonly RatholeServerService[];
}

export interface RatholeServerService {
  name: string;
  type: ServiceType;
  token: string;
  /** host:port where visitors arrive. */
  bindAddr: string;
}

/** A rathole client, with the Noise transport. */
export interface RatholeClientConfig {
  /** host:port of the server's control port. */
  remoteAddr: string;
  /** 32 bytes, base64. */
  remotePublicKey: string;
  /** Seconds; must exceed the server's interval, or be 0 for never. */
  heartbeatTimeoutS: number;
  /** Seconds between two attempts to connect. */
  retryIntervalS: number;
  services: readonly RatholeClientService[];
}

export interface RatholeClientService {
  name: string;
  type: ServiceType;
  token: string;
  /** host:port of the target as the machine sees it. */
  localAddr: string;
}
