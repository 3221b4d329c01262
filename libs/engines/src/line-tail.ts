const KEPT_LINES = 40;
const MAX_LINE_CHARS = 500;

/** Cuts output into lines, hands each on, and keeps the last few; its memory is bounded. */
export class LineTail {
  private readonly lines: string[] = [];
  private rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  push(chunk: string): void {
    const parts = (this.rest + chunk).split(/\r?\n|\r/);
    this.rest = (parts.pop() ?? '').slice(0, MAX_LINE_CHARS);
    for (const part of parts) this.add(part);
  }

  /** The last lines, the unfinished one included. */
  end(): readonly string[] {
    this.add(this.rest);
    this.rest = '';
    return this.lines;
  }

  private add(part: string): void {
    const line = part.slice(0, MAX_LINE_CHARS).trimEnd();
    if (line === '') return;
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    this.onLine(line);
  }
}
