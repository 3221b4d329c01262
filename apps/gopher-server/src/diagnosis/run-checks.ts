import { type Check, skipped } from '@gopher/diagnosis';
import type { EdgeCheck } from './edge-check.js';

const MAX_REASON = 300;

/**
 * All at once, in their order. One that throws or takes too long becomes a line that says so; rejects
 * never.
 */
export async function runChecks<About>(
  checks: readonly EdgeCheck<About>[],
  about: About,
): Promise<Check[]> {
  return (await Promise.all(checks.map((check) => runCheck(check, about)))).flat();
}

async function runCheck<About>(check: EdgeCheck<About>, about: About): Promise<Check[]> {
  const { deadlineMs } = check;
  const late = Promise.withResolvers<Check[]>();
  const timer = setTimeout(
    () => late.resolve([untold(check, `it took longer than ${deadlineMs} ms`)]),
    deadlineMs,
  );
  const looked = (async () => check.look(about))();
  looked.catch(() => {}); // it may be too late for the race
  try {
    return await Promise.race([looked, late.promise]);
  } catch (error) {
    return [untold(check, error instanceof Error ? error.message : String(error))];
  } finally {
    clearTimeout(timer);
  }
}

const untold = <About>({ id }: EdgeCheck<About>, reason: string): Check =>
  skipped(id, `This could not be told: ${reason.slice(0, MAX_REASON)}`, {
    advice: 'Ask again; the log of gopher-server may say more',
  });
