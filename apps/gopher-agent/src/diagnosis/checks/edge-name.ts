import { isIP } from 'node:net';
import { type Check, failed, ms, passed, skipped } from '@gopher/diagnosis';
import type { Examination } from '../examination.js';
import { lookUp } from '../name-lookup.js';
import { remoteEnds } from '../remote-ends.js';

export const edgeName: Examination = {
  ids: ['edge-name-resolves'],
  examine: (situation) => {
    const hosts = [...new Set(remoteEnds(situation).map(({ host }) => host))];
    if (hosts.length > 0) return Promise.all(hosts.map(check));
    const why = 'The configuration in force can not be understood, so that it names no edge';
    return [skipped('edge-name-resolves', why)];
  },
};

async function check(host: string): Promise<Check> {
  const subject = host;
  if (isIP(host) !== 0) {
    return passed('edge-name-resolves', `${host} is an address: there is no name to look up`, {
      subject,
    });
  }
  const found = await lookUp(host);
  if (found.addresses !== null) {
    const measured = ms(found.ms);
    const leads = `The edge's name ${host} leads to ${found.addresses.join(', ')}`;
    return passed('edge-name-resolves', leads, { subject, measured });
  }
  return failed(
    'edge-name-resolves',
    `The edge's name ${host} ${found.why}: rathole can not find the edge`,
    {
      subject,
      advice: `If the name is right, see to this machine's name service: getent ahosts ${host} must print the edge's address. If it is wrong, set the edge's public name right and run the join command again`,
    },
  );
}
