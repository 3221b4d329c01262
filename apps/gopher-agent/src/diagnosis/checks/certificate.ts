import { type Check, failed, passed, warned } from '@gopher/diagnosis';
import { CertificateRefusedError } from '../../agent.errors.js';
import { checkMachineCertificate, parseCertificate } from '../../identity/machine-certificate.js';
import type { Examination } from '../examination.js';
import type { Situation } from '../situation.js';

const DAY_MS = 86_400_000;
/** It is renewed with 30 of its 90 days left: with half of that gone, renewal does not work. */
export const CERTIFICATE_WARNS_BELOW_DAYS = 15;

const JOIN_AGAIN =
  'Run the join command again: the edge gives one out under Machines. Tunnels go on meanwhile';

export const certificate: Examination = {
  ids: ['certificate'],
  examine: ({ record }) => [check(record)],
};

function check({ credentials, machineId, caPem }: Situation['record']): Check {
  try {
    const { keyPem, certificatePem } = credentials;
    const parsed = parseCertificate(certificatePem, 'The certificate of this machine');
    const { validFromDate, validToDate } = parsed;
    const now = Date.now();
    const days = Math.floor((validToDate.getTime() - now) / DAY_MS);
    const measured = { value: days, unit: 'days' as const };
    const until = validToDate.toISOString();
    if (now > validToDate.getTime()) return expired(until, measured);
    if (now < validFromDate.getTime()) return notYet(validFromDate.toISOString());
    checkMachineCertificate(certificatePem, { keyPem, machineId, caPem });
    if (days >= CERTIFICATE_WARNS_BELOW_DAYS) {
      return passed('certificate', `The certificate of this machine is valid until ${until}`, {
        measured,
      });
    }
    return warned(
      'certificate',
      `The certificate of this machine ends at ${until}, and was not renewed in time`,
      {
        measured,
        advice: 'It is renewed when the edge reaches this agent: see to the other checks first',
      },
    );
  } catch (error) {
    if (!(error instanceof CertificateRefusedError)) throw error;
    return failed('certificate', error.message, { advice: JOIN_AGAIN });
  }
}

const expired = (until: string, measured: Check['measured']) =>
  failed(
    'certificate',
    `The certificate of this machine expired at ${until}: the edge does not talk to this agent any more`,
    {
      measured,
      advice: JOIN_AGAIN,
    },
  );

const notYet = (from: string) =>
  failed(
    'certificate',
    `The certificate of this machine is valid only from ${from}, and the clock says ${new Date().toISOString()}`,
    {
      advice: 'Set the clock of this machine: timedatectl set-ntp true',
    },
  );
