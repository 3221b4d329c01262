import fc from 'fast-check';
import { RealWorld, servesWhatTheDatabaseSays } from './tunnel-model.js';

/** More of them run in tunnel-model.long-spec.ts. */
const RUNS = 20;
const MOST_STEPS = 40;

describe('rathole', () => {
  it('serves exactly the tunnels of the database, whatever changed and fell over', async () => {
    await using real = await RealWorld.start();
    // What failed is told by its seed and path, not made smaller.
    await fc.assert(servesWhatTheDatabaseSays(real, MOST_STEPS), {
      numRuns: RUNS,
      endOnFailure: true,
    });
  }, 600_000);
});
