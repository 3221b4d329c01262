import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

export interface HostPort {
  /** An IPv6 address stands without its brackets. */
  host: string;
  port: number;
}

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
const PORT = /^[1-9][0-9]{0,4}$/;
const MAX_HOST_NAME = 253;

/** `host:port`, `1.2.3.4:port` or `[IPv6]:port`; null when it is none of them. */
export function parseHostPort(text: string): HostPort | null {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0));
  const digits = text.slice(colon + 1);
  const port = Number(digits);
  if (!PORT.test(digits) || port > 65_535) return null;
  if (host.startsWith('[') && host.endsWith(']')) {
    const address = host.slice(1, -1);
    // A zone (`%eth0`) is not understood by rathole's own reader.
    return isIPv6(address) && !address.includes('%') ? { host: address, port } : null;
  }
  return isIPv4(host) || isHostName(host) ? { host, port } : null;
}

function isHostName(host: string): boolean {
  if (host.length > MAX_HOST_NAME) return false;
  const labels = host.split('.');
  // `999.1.1.1` and `127.1` are mistyped addresses, not names.
  const looksLikeAddress = /^[0-9]+$/.test(labels.at(-1) ?? '');
  return !looksLikeAddress && labels.every((label) => LABEL.test(label));
}

/** For documents, as a regular expression: what `parseHostPort` takes. */
export function hostPortPattern(): string {
  const address = `${bare(z.regexes.ipv4)}|\\[(?:${bare(z.regexes.ipv6)})\\]`;
  const name = `(?=[^:]{1,${MAX_HOST_NAME}}:)(?:${bare(LABEL)}\\.)*(?![0-9]+:)${bare(LABEL)}`;
  const port =
    '[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]';
  return `^(?:${address}|${name}):(?:${port})$`;
}

function bare({ source }: RegExp): string {
  return source.replace(/^\^|\$$/g, '');
}
