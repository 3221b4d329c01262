import type { RatholeClientConfig, RatholeClientService } from '@gopher/rathole';
import type { RevisionClass } from './machine-revision.entity.js';
import { fingerprint } from './redaction.js';

export interface ServiceChange {
  /** Of the rathole service. */
  name: string;
  /** null: the data check. */
  tunnelId: string | null;
  change: 'added' | 'removed' | 'changed';
  before: RatholeClientService | null;
  after: RatholeClientService | null;
}

/** null: nothing was there before. */
type Before = RatholeClientConfig | null;

const TUNNEL = /^tunnel\.(.+)$/;

export function serviceChanges(before: Before, after: RatholeClientConfig): ServiceChange[] {
  const [old, now] = [byName(before), byName(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((name): ServiceChange[] => {
    const [was, is] = [old.get(name) ?? null, now.get(name) ?? null];
    if (was && is && isSame(was, is)) return [];
    const change = was === null ? 'added' : is === null ? 'removed' : 'changed';
    return [{ name, tunnelId: tunnelIdOf(name), change, before: was, after: is }];
  });
}

export const classOf = (before: Before, after: RatholeClientConfig): RevisionClass =>
  before !== null && transportChanges(before, after).length === 0 ? 'services' : 'transport';

/** What differs, a line each, for a person to read. */
export function differences(before: Before, after: RatholeClientConfig): string[] {
  return [
    ...(before === null ? [] : transportChanges(before, after)),
    ...serviceChanges(before, after).map(describe),
  ];
}

/** What made it, as far as it can be told from what differs. */
export function causeOf(before: Before, after: RatholeClientConfig): string {
  if (before === null) return 'first configuration';
  if (classOf(before, after) === 'transport') return 'edge settings';
  const changes = serviceChanges(before, after);
  if (changes.length === 1) return `${subjectOf(changes[0]!)} ${changes[0]!.change}`;
  const count = (change: ServiceChange['change']) => {
    const many = changes.filter((one) => one.change === change).length;
    return many === 0 ? [] : [`${many} ${change}`];
  };
  return `tunnels changed: ${[...count('added'), ...count('changed'), ...count('removed')].join(', ')}`;
}

/** Of the tunnels that a configuration brings, those that are new or lead elsewhere. */
export const broughtTunnels = (before: Before, after: RatholeClientConfig): string[] =>
  serviceChanges(before, after).flatMap(({ tunnelId, after: is }) =>
    tunnelId !== null && is !== null ? [tunnelId] : [],
  );

function transportChanges(before: RatholeClientConfig, after: RatholeClientConfig): string[] {
  const keyOf = ({ remotePublicKey }: RatholeClientConfig) => fingerprint(remotePublicKey);
  const settings: [string, string | number, string | number][] = [
    ['address of the edge', before.remoteAddr, after.remoteAddr],
    ['key of the edge', keyOf(before), keyOf(after)],
    ['heartbeat timeout', before.heartbeatTimeoutS, after.heartbeatTimeoutS],
    ['retry interval', before.retryIntervalS, after.retryIntervalS],
  ];
  return settings
    .filter(([, was, is]) => was !== is)
    .map(([name, was, is]) => `${name}: changed, ${was} → ${is}`);
}

function describe(change: ServiceChange): string {
  const { before, after } = change;
  const subject = subjectOf(change);
  if (before === null) return `${subject}: added, ${after!.localAddr}`;
  if (after === null) return `${subject}: removed, was ${before.localAddr}`;
  if (before.localAddr === after.localAddr) return `${subject}: changed, another token or protocol`;
  return `${subject}: changed, ${before.localAddr} → ${after.localAddr}`;
}

const subjectOf = ({ tunnelId }: ServiceChange): string =>
  tunnelId === null ? 'data check' : `tunnel ${tunnelId}`;

const tunnelIdOf = (name: string): string | null => TUNNEL.exec(name)?.[1] ?? null;

const byName = (config: Before) =>
  new Map(config?.services.map((service) => [service.name, service]));

const isSame = (a: RatholeClientService, b: RatholeClientService): boolean =>
  a.type === b.type && a.token === b.token && a.localAddr === b.localAddr;
