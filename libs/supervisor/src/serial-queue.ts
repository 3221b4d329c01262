/** Runs one piece of work after the other; the failure of one does not concern the next. */
export class SerialQueue {
  private last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => {});
    return result;
  }

  /** Resolves once everything that was given so far is done. */
  async idle(): Promise<void> {
    await this.last;
  }
}
