import { type Check, failed, ms, passed, skipped } from '@gopher/diagnosis';
import type { HostPort } from '@gopher/rathole';
import { type Attempt, CONNECT_MS, tryToConnect } from '../connect-attempt.js';
import type { Examination } from '../examination.js';
import { lookUp } from '../name-lookup.js';
import { remoteEnds } from '../remote-ends.js';

/** A name may have many addresses, of which rathole tries one after the other. */
const MAX_ADDRESSES = 8;

export const controlPort: Examination = {
  ids: ['control-port-reachable'],
  examine: (situation) => Promise.all(remoteEnds(situation).map(check)),
};

async function check({ host, port }: HostPort): Promise<Check> {
  const subject = `${host}:${port}`;
  const { addresses } = await lookUp(host);
  if (addresses === null) {
    const why = `Not tried: the edge's name ${host} does not lead anywhere`;
    return skipped('control-port-reachable', why, { subject });
  }
  const tried = addresses.slice(0, MAX_ADDRESSES);
  const attempts = await Promise.all(tried.map((address) => tryToConnect(address, port)));
  return judge(subject, port, best(attempts));
}

const ORDER: readonly Attempt['met'][] = ['accepted', 'refused', 'silence', 'unreachable'];

/** What tells most. */
const best = (attempts: readonly Attempt[]): Attempt =>
  attempts.toSorted((a, b) => ORDER.indexOf(a.met) - ORDER.indexOf(b.met))[0]!;

function judge(subject: string, port: number, attempt: Attempt): Check {
  const fail = (meaning: string, advice: string) =>
    failed('control-port-reachable', meaning, { subject, advice });
  switch (attempt.met) {
    case 'accepted':
      return passed('control-port-reachable', `The edge's control port ${subject} accepts`, {
        subject,
        measured: ms(attempt.ms),
      });
    case 'refused':
      return fail(
        `The edge's host answers, but nothing listens at ${subject}: its rathole does not run, or has another port`,
        `On the edge, see whether rathole runs: ss -ltnp 'sport = :${port}'`,
      );
    case 'silence':
      return fail(
        `Nothing answers at ${subject} within ${CONNECT_MS} ms: the port is filtered on the way, or the edge's host is off`,
        `Let TCP port ${port} in, in the firewall of the edge and in that of its provider; and out, in the network of this machine`,
      );
    case 'unreachable':
      return fail(
        `This machine can not reach ${subject} at all (${attempt.why})`,
        'See to the network of this machine: ip route must show a default route',
      );
  }
}
