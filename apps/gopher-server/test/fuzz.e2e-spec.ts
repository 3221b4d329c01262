import { TestEdge } from '../../../test/product/index.js';
import { ApiFuzzer, FuzzedEdge, openApi } from './fuzz.js';

const NO_PYTHON = 'there is no python3 of 3.10 or later with venv: apt-get install python3-venv';

/** More of it runs in fuzz.long-spec.ts. */
describe('the API as it describes itself', () => {
  let fuzzer: ApiFuzzer | null;

  beforeAll(async () => {
    fuzzer = await ApiFuzzer.find();
  }, 400_000);

  beforeEach(({ skip }) => skip(fuzzer === null, NO_PYTHON));

  it('is valid OpenAPI', async () => {
    const edge = await TestEdge.start();
    try {
      const document = await openApi(edge);
      expect(await fuzzer!.invalidities(document)).toBe('');
      const broken = JSON.parse(JSON.stringify(document)) as typeof document;
      Object.assign(broken.paths['/api/v1/edge']!['get']!, { responses: 5 });
      expect(await fuzzer!.invalidities(broken)).toMatch(/responses/);
    } finally {
      await edge.stop();
    }
  });

  it('answers whatever it is asked as it says, and goes on', async () => {
    await using fuzzed = await FuzzedEdge.start();
    await fuzzed.answersAsDescribed(fuzzer!);
    await fuzzed.goesOn();
  }, 600_000);
});
