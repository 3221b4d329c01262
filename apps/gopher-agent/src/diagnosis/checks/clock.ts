import { type Check, failed, passed, skipped, warned } from '@gopher/diagnosis';
import type { Examination } from '../examination.js';

/** A call may be some seconds on its way, and a date has whole seconds. */
export const CLOCK_WARNS_FROM_S = 10;
/** Certificates are issued five minutes back, and one-time passwords live half a minute. */
export const CLOCK_FAILS_FROM_S = 60;

const ADVICE = 'Let a time service set it: timedatectl set-ntp true; timedatectl shows how it is';

export const clock: Examination = {
  ids: ['clock'],
  examine: async ({ edgeClock }) => {
    const reading = await edgeClock();
    return ['unknown' in reading ? skipped('clock', reading.unknown) : judge(reading.aheadMs)];
  },
};

function judge(aheadMs: number): Check {
  const seconds = Math.round(aheadMs / 1_000) + 0; // and never -0
  const measured = { value: seconds, unit: 's' as const };
  const off = Math.abs(seconds);
  if (off < CLOCK_WARNS_FROM_S) {
    return passed('clock', `The clock agrees with the edge's to within ${CLOCK_WARNS_FROM_S} s`, {
      measured,
    });
  }
  const how = `The clock of this machine is ${inWords(off)} ${seconds > 0 ? 'behind' : 'ahead of'} the edge's`;
  if (off < CLOCK_FAILS_FROM_S) return warned('clock', how, { measured, advice: ADVICE });
  const meaning = `${how}: certificates look expired, or not valid yet, and times in logs are wrong`;
  return failed('clock', meaning, {
    measured,
    advice: `${ADVICE}. If this machine's clock is right, the edge's is wrong`,
  });
}

function inWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
