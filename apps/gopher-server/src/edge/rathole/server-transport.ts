import { parseServer, type RatholeServerConfig, renderServer } from '@gopher/rathole';

/** Whether two files of the rathole server differ in their services alone. */
export const hasSameTransport = (a: string, b: string): boolean =>
  transportOf(a) === transportOf(b);

/** What is outside of the services, for comparing. */
export function transportOf(toml: string): string {
  const { services: _, ...transport } = parseServer(toml);
  return JSON.stringify(transport);
}

/** The services of one file with all else of another. */
export const withTransportOf = (transport: string, services: string): string =>
  renderServer({ ...parseServer(transport), services: parseServer(services).services });

/** host:port of the control port. */
export const bindAddrOf = (toml: string): RatholeServerConfig['bindAddr'] =>
  parseServer(toml).bindAddr;
