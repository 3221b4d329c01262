const MACHINE_SUFFIX = '.machine.gopher.internal';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The DNS name that the certificate of gopher-server bears. */
export const SERVER_NAME = 'server.gopher.internal';

/** The DNS name that the certificate of a machine's agent bears. */
export const machineName = (machineId: string): string => `${machineId}${MACHINE_SUFFIX}`;

/** The machine that a DNS name stands for; null when it stands for none. */
export function machineIdOf(dnsName: string): string | null {
  if (!dnsName.endsWith(MACHINE_SUFFIX)) return null;
  const id = dnsName.slice(0, -MACHINE_SUFFIX.length);
  return UUID.test(id) ? id : null;
}
