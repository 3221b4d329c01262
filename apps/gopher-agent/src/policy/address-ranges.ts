import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Addresses that mean this machine, also where they stand for "any". */
const LOOPBACK = ['127.0.0.0/8', '::1', '0.0.0.0', '::'];
/** RFC 1918, link-local, ULA, CGNAT. */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  'fe80::/10',
  'fc00::/7',
];

/** Of addresses and CIDR blocks, which `isRange` has found to be such. */
export class AddressRanges {
  private readonly list = new BlockList();

  constructor(ranges: readonly string[]) {
    for (const range of ranges) this.add(range);
  }

  /** An IPv4 address within IPv6 counts as what it stands for. */
  has(address: string): boolean {
    return this.list.check(address, familyOf(address));
  }

  private add(range: string): void {
    const [address = '', prefix] = range.split('/');
    const family = familyOf(address);
    if (prefix === undefined) this.list.addAddress(address, family);
    else this.list.addSubnet(address, Number(prefix), family);
  }
}

export const LOOPBACK_RANGES = new AddressRanges(LOOPBACK);
export const LAN_RANGES = new AddressRanges([...LOOPBACK, ...PRIVATE]);

export const isAddress = (text: string): boolean => isIPv4(text) || isIPv6(text);

/** An address, or a block like `10.0.0.0/8`. */
export function isRange(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  if (more.length > 0 || !isAddress(address) || address.includes('%')) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIPv4(address) ? 32 : 128);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
