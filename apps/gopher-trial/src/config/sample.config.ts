import { UsageError } from '../trial.errors.js';

/** What the sample page is told; it is small, so that the page costs next to nothing. */
export class SampleConfig {
  private constructor(
    readonly port: number,
    readonly marker: string,
    readonly docs: string,
  ) {}

  /** @throws UsageError */
  static fromEnvironment(): SampleConfig {
    const { GOPHER_SAMPLE_PORT, GOPHER_SAMPLE_MARKER, GOPHER_SAMPLE_DOCS } = process.env;
    if (!GOPHER_SAMPLE_PORT || !GOPHER_SAMPLE_MARKER || !GOPHER_SAMPLE_DOCS) {
      throw new UsageError('The sample page is run by npm start');
    }
    return new SampleConfig(Number(GOPHER_SAMPLE_PORT), GOPHER_SAMPLE_MARKER, GOPHER_SAMPLE_DOCS);
  }
}
