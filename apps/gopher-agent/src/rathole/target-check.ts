import { connect } from 'node:net';
import { parseHostPort, type RatholeClientService } from '@gopher/rathole';

const TIMEOUT_MS = 1_000;
const MAX_AT_ONCE = 32;

export interface TargetFinding {
  service: string;
  target: string;
  accepts: boolean;
  /** Why not; empty when it accepts. */
  detail: string;
  /** 0 when it does not accept. */
  connectMs: number;
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up now',
  ETIMEDOUT: 'it does not answer',
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

/** Connects to each target and sends nothing: a service must not see what it did not ask for. */
export async function checkTargets(
  services: readonly RatholeClientService[],
): Promise<TargetFinding[]> {
  const findings: TargetFinding[] = [];
  const queue = services.entries();
  const worker = async () => {
    for (const [index, service] of queue) findings[index] = await checkTarget(service);
  };
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, worker));
  return findings;
}

function checkTarget(service: RatholeClientService): Promise<TargetFinding> {
  const { name, type, localAddr } = service;
  const found = { service: name, target: localAddr, accepts: true, detail: '', connectMs: 0 };
  const address = parseHostPort(localAddr);
  if (type === 'udp' || !address) return Promise.resolve(found);
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const socket = connect(address);
    const end = (result: Partial<TargetFinding>) => {
      clearTimeout(deadline);
      socket.destroy();
      resolve({ ...found, ...result });
    };
    const refuse = (detail: string) => end({ accepts: false, detail });
    const deadline = setTimeout(() => refuse(`no answer within ${TIMEOUT_MS} ms`), TIMEOUT_MS);
    socket.once('connect', () => end({ connectMs: performance.now() - startedAt }));
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      refuse(REASONS[code ?? ''] ?? message);
    });
  });
}
