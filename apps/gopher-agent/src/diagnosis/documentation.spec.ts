import { readFileSync } from 'node:fs';
import { MAX_AT_ONCE } from '../rathole/target-check.js';
import { CERTIFICATE_WARNS_BELOW_DAYS } from './checks/certificate.js';
import { CLOCK_FAILS_FROM_S, CLOCK_WARNS_FROM_S } from './checks/clock.js';
import { ROUNDS } from './checks/targets.js';
import { CONNECT_MS } from './connect-attempt.js';
import { DEADLINE_MS } from './examination.js';
import { LOOKUP_MS } from './name-lookup.js';

const PAGE = readFileSync(new URL('../../../../docs/diagnosis.md', import.meta.url), 'utf8');
const section = (id: string): string =>
  PAGE.split(/^### /m)
    .find((text) => text.startsWith(`\`${id}\``))
    ?.replaceAll(/\s+/g, ' ') ?? '';

describe('docs/diagnosis.md', () => {
  it.each([
    ['clock', `From ${CLOCK_WARNS_FROM_S} s it warns`],
    ['clock', `From ${CLOCK_FAILS_FROM_S} s it fails`],
    ['certificate', `Below ${CERTIFICATE_WARNS_BELOW_DAYS} days it warns`],
    ['edge-name-resolves', `${LOOKUP_MS / 1_000} s is the most`],
    ['control-port-reachable', `no answer within ${CONNECT_MS / 1_000} s`],
    ['target-accepts', `At most ${MAX_AT_ONCE * ROUNDS} targets are tried`],
  ])('has what is in force of %s: %s', (id, text) => expect(section(id)).toContain(text));

  it('says how long a check may take', () => {
    expect(PAGE).toContain(`each ends within ${DEADLINE_MS / 1_000} s`);
  });
});
