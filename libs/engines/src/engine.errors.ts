export interface EngineAttempt {
  /** A path, or what was looked for. */
  where: string;
  /** Why it was not used. */
  problem: string;
}

/** No usable program was found. The message is for a person: what was tried, and what to do. */
export class EngineMissingError extends Error {
  readonly code = 'engine-missing';

  constructor(
    readonly engine: string,
    readonly tried: readonly EngineAttempt[],
    /** Steps, most of them commands to paste. */
    readonly remedy: readonly string[],
  ) {
    super(
      [
        `${engine} is not to be had. Tried:`,
        ...tried.map(({ where, problem }) => `  - ${where}: ${problem}`),
        'What to do:',
        ...remedy.map((step) => `  ${step}`),
      ].join('\n'),
    );
  }

  override get name(): string {
    return EngineMissingError.name;
  }
}

export class EngineBuildError extends Error {
  readonly code = 'engine-build-failed';

  constructor(
    readonly engine: string,
    readonly reason: string,
    /** The end of what the build tool printed. */
    readonly lastLines: readonly string[],
  ) {
    super([`Building ${engine} failed: ${reason}`, ...lastLines.map((l) => `  ${l}`)].join('\n'));
  }

  override get name(): string {
    return EngineBuildError.name;
  }
}
