import { type Check, failed, ms, passed, skipped } from '@gopher/diagnosis';
import { parseHostPort, type RatholeClientService } from '@gopher/rathole';
import { isOwnAddress, listeningPorts } from '../../host/listening-ports.js';
import { isOwnCheck } from '../../rathole/config-guard.js';
import {
  checkTargets,
  type Declared,
  MAX_AT_ONCE,
  NOTHING_LISTENS,
  type TargetFinding,
} from '../../rathole/target-check.js';
import type { Examination } from '../examination.js';
import { configOf, type Situation } from '../situation.js';

/** Each round of so many at once takes two seconds at most. */
export const ROUNDS = 2;
const MAX_HINTS = 5;

/** As rathole would reach them. To one that is not declared to speak something nothing is sent. */
export const targets = (declared: Declared): Examination => ({
  ids: ['target-accepts'],
  examine: async (situation) => {
    const all = targetsOf(situation);
    if (all.length === 0) return [skipped('target-accepts', 'This machine has no tunnels')];
    const tcp = all.filter(({ type }) => type === 'tcp');
    const tried = tcp.slice(0, MAX_AT_ONCE * ROUNDS);
    const findings = await checkTargets(tried, declared);
    return [
      ...findings.flatMap((finding) => judge(finding, situation, declared)),
      ...tcp.slice(tried.length).map(notTried),
      ...all.filter(({ type }) => type === 'udp').map(unknowable),
    ];
  },
});

function targetsOf({ clients, record }: Situation): RatholeClientService[] {
  const services = configOf(clients.data)?.services ?? [];
  return services.filter((service) => !isOwnCheck(service, record));
}

const notTried = ({ name }: RatholeClientService): Check =>
  skipped('target-accepts', 'Not tried: there are too many targets to try them all', {
    subject: name,
  });

const unknowable = ({ name, localAddr }: RatholeClientService): Check =>
  skipped('target-accepts', `${localAddr} is UDP, which does not say whether anyone is there`, {
    subject: name,
  });

function judge(finding: TargetFinding, situation: Situation, declared: Declared): Check[] {
  const { service, target, accepts, connectMs } = finding;
  const subject = service;
  if (!accepts) return [notAccepted(finding, situation)];
  const accepted = passed('target-accepts', `${target} accepts`, {
    subject,
    measured: ms(connectMs),
  });
  return declared.has(service) ? [accepted, speaks(finding, declared)] : [accepted];
}

function speaks(
  { service, target, speaks: isSo, firstByteMs, detail }: TargetFinding,
  declared: Declared,
): Check {
  const subject = service;
  const application = declared.get(service);
  const measured = firstByteMs === undefined ? null : ms(firstByteMs);
  if (isSo) {
    const meaning = `${target} speaks ${application}, as it was declared`;
    return passed('target-speaks', meaning, { subject, measured });
  }
  return failed('target-speaks', `${target}, declared to speak ${application}: ${detail}`, {
    subject,
    measured,
    advice: `The service itself hangs, or is another one than was meant: see to what listens at ${target}, or declare at the edge what it speaks`,
  });
}

function notAccepted({ service, target, detail }: TargetFinding, situation: Situation): Check {
  const subject = service;
  const { host = target, port = 0 } = parseHostPort(target) ?? {};
  if (detail !== NOTHING_LISTENS) {
    return failed('target-accepts', `${host} does not answer on port ${port}: ${detail}`, {
      subject,
      advice: isOwnAddress(host)
        ? `The service hangs, or a firewall of this machine keeps it apart: see to what listens there: ss -ltnp 'sport = :${port}'`
        : `See whether ${host} is on, is the right host, and lets this machine in at port ${port}`,
    });
  }
  return isOwnAddress(host)
    ? refusedHere(subject, target, situation)
    : failed('target-accepts', `${host} answers, but nothing listens on its port ${port}`, {
        subject,
        advice: `Start the service on ${host}, or set the port of the tunnel's target right`,
      });
}

function refusedHere(subject: string, target: string, { record }: Situation): Check {
  const { host, port } = parseHostPort(target)!;
  const own = [record.agentPort, record.checkPort];
  const others = listeningPorts(host)
    .filter((other) => !own.includes(other))
    .toSorted((a, b) => Math.abs(a - port) - Math.abs(b - port))
    .slice(0, MAX_HINTS);
  const hint = others.length > 0 ? `; something does on ${others.join(', ')}` : '';
  return failed('target-accepts', `Nothing listens on ${target}${hint}`, {
    subject,
    advice: `Start the service, or set the port of the tunnel's target right. Who listens here: ss -ltnp`,
  });
}
