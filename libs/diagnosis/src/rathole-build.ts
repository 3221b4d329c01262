import { patchLevelOf, ratholeLacks } from '@gopher/engines/rathole-patches';
import type { Check } from './check.js';
import { passed, skipped, warned } from './finding.js';

const SIDES = { 'edge-rathole-capabilities': 'server', 'rathole-capabilities': 'client' } as const;

/** @param version as rathole says it; empty: it could not be told */
export function checkRatholeBuild(id: keyof typeof SIDES, version: string): Check {
  if (version === '') return skipped(id, 'The version of rathole could not be told');
  const lacking = ratholeLacks(version, SIDES[id]);
  const [most, ...others] = lacking;
  const measured = { value: lacking.length, unit: 'count' as const };
  if (!most) return passed(id, `rathole ${version} has all that Gopher needs`, { measured });
  const kind = patchLevelOf(version) === 0 ? 'the released one' : "one with Gopher's older patches";
  const more = others.length > 0 ? ` (and ${others.length} more: see docs/diagnosis.md)` : '';
  const lack = most.lacking.charAt(0).toLowerCase() + most.lacking.slice(1);
  return warned(id, `rathole ${version} is ${kind}: ${lack}${more}`, {
    measured,
    advice:
      SIDES[id] === 'server'
        ? 'Have a checkout of Gopher build the patched one (npm run rathole) and restart rathole when its tunnels may drop for a second'
        : "Run the join command again: it brings the edge's rathole. Then restart the clients when their tunnels may drop for a second: gopher-agent stop-clients",
  });
}
