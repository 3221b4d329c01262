import { isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

export const APPLICATIONS = ['http', 'tls', 'banner'] as const;
/** What a service is declared to speak. `banner`: it speaks first, as SSH, SMTP and MySQL do. */
export type Application = (typeof APPLICATIONS)[number];

const STATUS_LINE = /^HTTP\/\d\.\d \d{3}/;
const STATUS_LINE_CHARS = 12;
const TLS_RECORD_TYPES = { first: 0x14, last: 0x17 };
const TLS_MAJOR_VERSION = 0x03;

/** Whether these first bytes are of that; undefined for as long as too few have come. */
export function hasSpoken(application: Application, received: Buffer): boolean | undefined {
  if (application === 'http') return isStatusLine(received);
  if (application === 'tls') return isTlsRecord(received);
  return received.length > 0 || undefined;
}

function isStatusLine(received: Buffer): boolean | undefined {
  const line = received.toString('latin1', 0, STATUS_LINE_CHARS);
  const isBegun = 'HTTP/'.startsWith(line.slice(0, 5));
  if (isBegun && line.length < STATUS_LINE_CHARS) return undefined;
  return STATUS_LINE.test(line);
}

/** An alert is one as well: whoever refuses a hello speaks TLS. */
function isTlsRecord(received: Buffer): boolean | undefined {
  const [type, majorVersion] = received;
  if (type === undefined || majorVersion === undefined) return undefined;
  const { first, last } = TLS_RECORD_TYPES;
  return type >= first && type <= last && majorVersion === TLS_MAJOR_VERSION;
}

/** What a client says first, so that the service answers; null: nothing. */
export async function greetingOf(
  application: Application | null,
  authority: string,
): Promise<Buffer | null> {
  if (application === 'tls') return clientHello(authority.slice(0, authority.lastIndexOf(':')));
  if (application !== 'http') return null;
  const headers = [`Host: ${authority}`, 'User-Agent: gopher-probe', 'Connection: close'];
  return Buffer.from(['GET / HTTP/1.1', ...headers, '', ''].join('\r\n'));
}

/** As the TLS of this Node says it, on a wire that leads nowhere. */
async function clientHello(host: string): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const wire = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      resolve(chunk);
      done();
    },
  });
  const isName = isIP(host.replace(/^\[|\]$/g, '')) === 0;
  const socket = connect({ socket: wire, ...(isName ? { servername: host } : {}) });
  socket.on('error', () => {}); // it never becomes a connection
  return promise.finally(() => socket.destroy());
}
