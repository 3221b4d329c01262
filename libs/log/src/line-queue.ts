/** What of one line is kept to understand it. */
const MAX_LINE_BYTES = 64 * 1024;
const LINE_END = 10;
const NOTHING = Buffer.alloc(0);

export interface RawLine {
  text: string;
  /** Its end is missing here. */
  cut: boolean;
}

/** Makes lines of chunks, in bounded memory however long a line is. Empty lines are none. */
export class LineQueue {
  private chunk: Buffer = NOTHING;
  private position = 0;
  private begun: Buffer = NOTHING;
  private isCut = false;

  /** Only when `next` gave null. The chunk is read until then, and not held on to. */
  add(chunk: Buffer): void {
    this.chunk = chunk;
    this.position = 0;
  }

  /** null: a chunk is needed. */
  next(): RawLine | null {
    for (;;) {
      const end = this.chunk.indexOf(LINE_END, this.position);
      if (end < 0) return this.keepRest();
      const isEmpty = end === this.position && this.begun.length === 0;
      const line = isEmpty ? null : this.lineTo(end);
      this.position = end + 1;
      if (line) return line;
    }
  }

  /** Leaves out what is there. Returns how many lines that were. */
  drop(): number {
    let count = 0;
    for (;;) {
      const end = this.chunk.indexOf(LINE_END, this.position);
      if (end < 0) break;
      if (end > this.position || this.begun.length > 0) count += 1;
      this.begun = NOTHING;
      this.isCut = false;
      this.position = end + 1;
    }
    this.keepRest();
    return count;
  }

  /** The line that has no end; null: there is none. */
  flush(): RawLine | null {
    const line = this.begun.length > 0 ? this.lineTo(this.position) : null;
    this.begun = NOTHING;
    return line;
  }

  private lineTo(end: number): RawLine {
    const bytes = this.joined(end);
    const line = { text: bytes.toString('utf8'), cut: this.isCut };
    this.begun = NOTHING;
    this.isCut = false;
    return line;
  }

  private keepRest(): null {
    const rest = this.joined(this.chunk.length);
    // A copy: the chunk is its owner's.
    this.begun = rest === this.begun || rest.length === 0 ? rest : Buffer.from(rest);
    this.chunk = NOTHING;
    this.position = 0;
    return null;
  }

  private joined(end: number): Buffer {
    const { begun } = this;
    const room = MAX_LINE_BYTES - begun.length;
    if (end - this.position > room) this.isCut = true;
    const more = this.chunk.subarray(this.position, Math.min(end, this.position + room));
    if (begun.length === 0) return more;
    return more.length === 0 ? begun : Buffer.concat([begun, more]);
  }
}
