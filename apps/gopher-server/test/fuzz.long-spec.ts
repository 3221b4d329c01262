import { ApiFuzzer, FuzzedEdge } from './fuzz.js';

const ROUNDS = 10;

describe('the API as it describes itself', () => {
  it('answers whatever it is asked as it says, ten times as much, and goes on', async ({
    skip,
  }) => {
    const fuzzer = await ApiFuzzer.find();
    if (!fuzzer) return skip('there is no python3 of 3.10 or later with venv');
    await using fuzzed = await FuzzedEdge.start();
    await fuzzed.answersAsDescribed(fuzzer, ROUNDS);
    await fuzzed.goesOn();
  }, 5_400_000);
});
