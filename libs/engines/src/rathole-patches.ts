/** Of the patches in `engines/rathole`; raised with every change of them. */
export const PATCH_LEVEL = 2;

/** Whether it has every patch there is now. */
export const isWhollyPatched = (version: string): boolean => patchLevelOf(version) >= PATCH_LEVEL;

/** 0 for a released rathole. */
export function patchLevelOf(version: string): number {
  return Number(/\+gopher\.(\d{1,6})$/.exec(version)?.[1] ?? 0);
}

export interface RatholeCapability {
  id: string;
  /** The first patch level that has it. */
  since: number;
  /** Which side of a tunnel has to have it. */
  side: 'server' | 'client' | 'both';
  /** What a person is without. */
  lacking: string;
}

/** What Gopher's patches add, most important first; see `engines/rathole/README.md`. */
export const RATHOLE_CAPABILITIES = [
  {
    id: 'handshake-task',
    since: 1,
    side: 'both',
    lacking:
      'Anyone who connects to the control port and says nothing holds up visitors and returning machines',
  },
  {
    id: 'revocation',
    since: 1,
    side: 'server',
    lacking:
      'Connections of a deleted tunnel live on until they end by themselves, and the port of a machine that is away accepts visitors and hangs',
  },
  {
    id: 'restart-retry',
    since: 1,
    side: 'both',
    lacking: 'A changed address or key that cannot be used ends rathole, and all tunnels with it',
  },
  {
    id: 'dead-pooled-channel',
    since: 2,
    side: 'server',
    lacking:
      'After the network failed, or in a rush, a tunnel may leave its visitors waiting until its machine connects anew',
  },
  {
    id: 'nodelay',
    since: 1,
    side: 'both',
    lacking: 'Small messages, as SSH and databases send them, wait up to 40 ms each',
  },
  {
    id: 'pool-size',
    since: 1,
    side: 'server',
    lacking:
      'Each encrypted TCP tunnel takes about 1.2 MB, and from some 50 of them a start stalls',
  },
  {
    id: 'udp-datagrams',
    since: 1,
    side: 'both',
    lacking: 'UDP datagrams of more than 2,048 bytes are cut',
  },
] as const satisfies readonly RatholeCapability[];

export type RatholeCapabilityId = (typeof RATHOLE_CAPABILITIES)[number]['id'];

export function ratholeHas(version: string, id: RatholeCapabilityId): boolean {
  return RATHOLE_CAPABILITIES.some(
    (capability) => capability.id === id && capability.since <= patchLevelOf(version),
  );
}

/** What this build cannot do on this side of a tunnel. */
export function ratholeLacks(version: string, side: 'server' | 'client'): RatholeCapability[] {
  return RATHOLE_CAPABILITIES.filter(
    (capability: RatholeCapability) =>
      capability.since > patchLevelOf(version) && ['both', side].includes(capability.side),
  );
}
