import { ask } from '../enrolment/bounded-request.js';
import { edgePath } from '../enrolment/edge-url.js';
import type { EdgeClock } from './edge-clock.js';

const TIMEOUT_MS = 2_000;

/**
 * By the date of an answer of the edge, to a second. Whoever answers is not checked: a wrong clock
 * makes a good certificate look bad, and nothing but the time is taken from it.
 */
export function clockOfEdge(serverUrl: string): EdgeClock {
  return async () => {
    const startedAt = Date.now();
    try {
      const url = edgePath(new URL(serverUrl), '/healthz');
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const tls = { rejectUnauthorized: false };
      const { date } = await ask(url, { method: 'GET', body: null, signal, tls });
      const edgeTime = Date.parse(date);
      if (Number.isNaN(edgeTime)) return { unknown: `${serverUrl} does not say what time it has` };
      return { aheadMs: edgeTime - (startedAt + Date.now()) / 2 };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { unknown: `${serverUrl} could not be asked for the time: ${why}` };
    }
  };
}
