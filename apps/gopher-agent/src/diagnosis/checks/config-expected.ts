import { type Check, failed, passed, skipped } from '@gopher/diagnosis';
import { inForce } from '../../rathole/kept-config.js';
import type { Examination } from '../examination.js';
import type { Situation } from '../situation.js';

export const configExpected: Examination = {
  ids: ['config-expected'],
  examine: (situation) => [check(situation)],
};

function check({ clients, expectedSha256, policyRefusal }: Situation): Check {
  const { kept } = clients.data;
  const { revision, sha256 } = inForce(kept);
  const subject = 'data';
  if (expectedSha256 === '') {
    const why = 'The edge did not say what it expects the data client to run';
    return skipped('config-expected', why, { subject });
  }
  if (sha256 === expectedSha256) {
    const meaning = `The data client is to run revision ${revision}, as the edge expects`;
    return passed('config-expected', meaning, { subject });
  }
  const runs = `The data client runs revision ${revision}, and the edge expects another configuration`;
  const fail = (why: string, advice: string) =>
    failed('config-expected', `${runs}${why}`, { subject, advice });
  if (kept.reverted?.sha256 === expectedSha256) {
    const why = `: revision ${kept.reverted.revision} was taken back: ${kept.reverted.reason}`;
    return fail(why, 'Put right what the reason names, then change the tunnel once more');
  }
  if (policyRefusal?.sha256 === expectedSha256) {
    return fail(', which this machine refused', 'See the check policy');
  }
  return fail('', 'The edge pushes it by itself within a minute; if not, see why its push failed');
}
