import { failed, passed } from '@gopher/diagnosis';
import { PolicyRefusedError } from '../../agent.errors.js';
import { isOwnCheck } from '../../rathole/config-guard.js';
import type { Examination } from '../examination.js';
import { configOf, type Situation } from '../situation.js';

const MAX_TOLD = 20;

export const policy: Examination = {
  ids: ['policy'],
  examine: async (situation) => {
    const { path } = situation.policy;
    const advice = `Allow it in ${path} on this machine, or have the tunnel lead elsewhere`;
    try {
      const refused = [...(await objections(situation)), ...refusedPush(situation)];
      if (refused.length === 0) return [passed('policy', 'Every target may be published')];
      return refused.map(({ service, why }) => failed('policy', why, { subject: service, advice }));
    } catch (error) {
      if (!(error instanceof PolicyRefusedError)) throw error;
      return [failed('policy', error.message, { advice: `Set ${path} right` })];
    }
  },
};

async function objections({ record, clients, policy: current }: Situation) {
  const services = configOf(clients.data)?.services ?? [];
  const targets = services.filter((service) => !isOwnCheck(service, record));
  return (await current.objections(targets)).slice(0, MAX_TOLD);
}

/** What the edge wants it to run, and it did not take. */
function refusedPush({ policyRefusal, expectedSha256 }: Situation) {
  if (!policyRefusal || policyRefusal.sha256 !== expectedSha256) return [];
  return [{ service: null, why: policyRefusal.why }];
}
