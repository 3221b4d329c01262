import { ApiFuzzer, FuzzedEdge } from './fuzz.js';

const SECONDS = 600;

describe('the API as it describes itself', () => {
  it('answers whatever it is asked for ten minutes as it says, and goes on', async ({ skip }) => {
    const fuzzer = await ApiFuzzer.find();
    if (!fuzzer) return skip('there is no python3 of 3.10 or later with venv');
    await using fuzzed = await FuzzedEdge.start();
    await fuzzed.answersAsDescribed(fuzzer, SECONDS);
    await fuzzed.goesOn();
  }, 1_200_000);
});
