import { type Application, type Visit, visit } from '@gopher/diagnosis';
import { parseHostPort, type RatholeClientService } from '@gopher/rathole';

const CONNECT_TIMEOUT_MS = 1_000;
const BYTE_TIMEOUT_MS = 1_000;
export const MAX_AT_ONCE = 32;

export interface TargetFinding {
  service: string;
  target: string;
  accepts: boolean;
  /** Why not, or how it does not speak as declared; empty when it is as it should be. */
  detail: string;
  /** 0 when it does not accept, or was not connected to. */
  connectMs: number;
  /** As declared; absent where nothing was, or it does not accept. */
  speaks?: boolean;
  /**
   * What the target itself took for its first byte: from accepted, without the round trip that
   * connecting took as well. Absent when no byte came, or none was awaited.
   */
  firstByteMs?: number;
}

/** By rathole service. */
export type Declared = ReadonlyMap<string, Application>;

export const NOTHING_LISTENS = 'nothing listens there';

const REASONS: Record<string, string> = {
  ECONNREFUSED: NOTHING_LISTENS,
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up now',
  ETIMEDOUT: 'it does not answer',
};

const EXPECTED: Record<Application, string> = {
  http: 'an HTTP request',
  tls: 'a TLS hello',
  banner: 'a connection, where it should speak first',
};

/** Services that are new or lead elsewhere than before. */
export function changedServices(
  before: readonly RatholeClientService[],
  after: readonly RatholeClientService[],
): RatholeClientService[] {
  const known = new Map(before.map((service) => [service.name, service]));
  return after.filter((service) => {
    const old = known.get(service.name);
    return old?.localAddr !== service.localAddr || old.type !== service.type;
  });
}

/**
 * Connects to each target, and speaks with those that are declared to speak something. To others it
 * sends nothing: a service must not see what it did not ask for.
 */
export async function checkTargets(
  services: readonly RatholeClientService[],
  declared: Declared = new Map(),
): Promise<TargetFinding[]> {
  const findings: TargetFinding[] = [];
  const queue = services.entries();
  const worker = async () => {
    for (const [index, service] of queue) {
      findings[index] = await checkTarget(service, declared.get(service.name) ?? null);
    }
  };
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, worker));
  return findings;
}

/** Without a look: nothing speaks against it. */
export const foundWell = ({ name, localAddr }: RatholeClientService): TargetFinding => ({
  service: name,
  target: localAddr,
  accepts: true,
  detail: '',
  connectMs: 0,
});

async function checkTarget(
  service: RatholeClientService,
  application: Application | null,
): Promise<TargetFinding> {
  const { type, localAddr } = service;
  const found = foundWell(service);
  const address = parseHostPort(localAddr);
  if (type === 'udp' || !address) return found;
  const met = await visit({
    ...address,
    application,
    authority: localAddr,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    byteTimeoutMs: application === null ? 0 : BYTE_TIMEOUT_MS,
  });
  return { ...found, ...findingOf(met, application) };
}

function findingOf(met: Visit, application: Application | null): Partial<TargetFinding> {
  if (met.met === 'nobody') return { accepts: false, detail: REASONS[met.detail] ?? met.detail };
  const { connectMs } = met;
  if (application === null) return { connectMs };
  const to = EXPECTED[application];
  if (met.met !== 'bytes') {
    const how =
      met.met === 'end' ? 'ends without a byte' : `says nothing for ${BYTE_TIMEOUT_MS} ms`;
    return { connectMs, speaks: false, detail: `it accepts, and ${how} after ${to}` };
  }
  const { speaks, answerMs: firstByteMs } = met;
  const detail = speaks ? '' : `it answers ${to} with something else`;
  return { connectMs, speaks, firstByteMs, detail };
}
