import { type Check, checkRatholeBuild, passed, warned } from '@gopher/diagnosis';
import { PROTOCOL_VERSION } from '@gopher/proto';
import { CLIENT_NAMES } from '../../state/state-directory.js';
import { AGENT_VERSION } from '../../version.js';
import type { Examination } from '../examination.js';
import type { Situation } from '../situation.js';

export const versions: Examination = {
  ids: ['versions', 'rathole-capabilities'],
  examine: (situation) => [
    check(situation),
    checkRatholeBuild('rathole-capabilities', situation.ratholeVersion),
  ],
};

function check({ clients, ratholeVersion }: Situation): Check {
  const all = `gopher-agent ${AGENT_VERSION} (protocol ${PROTOCOL_VERSION}), rathole ${ratholeVersion || 'of a version that could not be told'}`;
  const old = CLIENT_NAMES.filter((name) => clients[name].restartNeeded);
  if (old.length === 0) return passed('versions', all);
  return warned('versions', `${all}; of older settings: the ${old.join(' and the ')} client`, {
    advice: 'Restart them when tunnels may drop for a second: gopher-agent stop-clients',
  });
}
