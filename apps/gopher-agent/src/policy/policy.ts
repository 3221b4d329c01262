import type { HostPort } from '@gopher/rathole';
import { AddressRanges, isAddress, LAN_RANGES, LOOPBACK_RANGES } from './address-ranges.js';

export type Resolve = (name: string) => Promise<string[]>;

/** Where tunnels of this machine may lead. */
export interface Policy {
  /** null: the target may be published; otherwise the line and the rule or preset that it breaks. */
  objection(target: HostPort, resolve: Resolve): Promise<string | null>;
}

export const PRESETS = ['local', 'lan'] as const;
export type Preset = (typeof PRESETS)[number];

export interface PortRange {
  first: number;
  last: number;
}

export interface Rule {
  line: number;
  ranges: readonly string[];
  /** In lower case. */
  names: readonly string[];
  /** null: all. */
  ports: readonly PortRange[] | null;
}

const PRESET_POLICIES: Record<Preset, { allows: string; check: Check }> = {
  local: {
    allows: 'targets on this machine only',
    check: ({ host }) => Promise.resolve(isLocal(host)),
  },
  lan: {
    allows: 'this machine and private addresses only',
    // What a name that is not known now leads to later is for its resolver to answer for.
    check: async ({ host }, resolve) =>
      (await addressesOf(host, resolve)).every((address) => LAN_RANGES.has(address)),
  },
};

type Check = (target: HostPort, resolve: Resolve) => Promise<boolean>;

/** @param where the line that says so, or why it holds without one */
export function presetPolicy(preset: Preset, where: string): Policy {
  const { allows, check } = PRESET_POLICIES[preset];
  return {
    objection: async (target, resolve) => {
      if (await check(target, resolve)) return null;
      return `${where}: preset = "${preset}" allows ${allows}`;
    },
  };
}

export function rulesPolicy(rules: readonly Rule[]): Policy {
  return {
    objection: async (target, resolve) => {
      const matching: Rule[] = [];
      for (const rule of rules) {
        if (await coversHost(rule, target.host, resolve)) matching.push(rule);
      }
      if (matching.some((rule) => coversPort(rule, target.port))) return null;
      return whyNot(rules, matching, target);
    },
  };
}

function whyNot(rules: readonly Rule[], matching: readonly Rule[], { host, port }: HostPort) {
  const lines = (list: readonly Rule[]) =>
    `line${list.length === 1 ? '' : 's'} ${list.map(({ line }) => line).join(', ')}`;
  if (rules.length === 0) return 'it allows nothing';
  if (matching.length === 0) return `${lines(rules)}: no [[allow]] has the host ${host}`;
  return `${lines(matching)}: [[allow]] has the host ${host}, but not port ${port}`;
}

const coversPort = ({ ports }: Rule, port: number): boolean =>
  ports?.some(({ first, last }) => port >= first && port <= last) ?? true;

/** By its name, or because every address that it has now is in the rule. */
async function coversHost({ names, ranges }: Rule, host: string, resolve: Resolve) {
  if (names.includes(host.toLowerCase())) return true;
  const own = new AddressRanges(ranges);
  const addresses = ranges.length > 0 ? await addressesOf(host, resolve) : [];
  return addresses.length > 0 && addresses.every((address) => own.has(address));
}

function isLocal(host: string): boolean {
  const name = host.toLowerCase();
  if (isAddress(host)) return LOOPBACK_RANGES.has(host);
  return name === 'localhost' || name.endsWith('.localhost');
}

const addressesOf = async (host: string, resolve: Resolve): Promise<string[]> =>
  isAddress(host) ? [host] : resolve(host);
