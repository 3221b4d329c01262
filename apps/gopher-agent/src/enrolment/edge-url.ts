import { isIPv4 } from 'node:net';
import { UsageError } from '../agent.errors.js';

/** The base address of the edge, without a slash at its end. @throws UsageError */
export function parseEdgeUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(`--server ${text} is not an address like https://edge.example.com`);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new UsageError(`--server ${text} must begin with https://`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError('--server must be an address alone, without a user, a ? or a #');
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new UsageError(
      `--server ${text} is not encrypted: the join token would be readable on the way. Use https://; plain http:// is only for an edge on this very machine`,
    );
  }
  return url;
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  return host === '[::1]' || host === 'localhost';
}

export function edgePath(base: URL, path: string): URL {
  return new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base);
}
