const HEARTBEAT_MS = 5_000;
const REDRAW_MS = 200;

const startedAt = Date.now() - performance.now();
/** For the program that goes on: its elapsed times count from the same moment. */
export const STARTED_AT = String(Math.round(startedAt));

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const stamp = () => `[${seconds(Date.now() - startedAt).padStart(7)}]`;

/** One line for each step when it ends; while it takes long, a sign of life. */
export class Progress {
  constructor(stream) {
    this.stream = stream;
  }

  line(text) {
    this.stream.write(`${stamp()} ${text}\n`);
  }

  /** `work` is given a function that says what it is at; `done` words the line at the end. */
  async step(label, work, done) {
    const began = Date.now();
    let detail = '';
    const stop = this.stream.isTTY
      ? this.#redraw(() => `${label} … ${detail}`)
      : this.#repeat(() => `${label} … ${detail || seconds(Date.now() - began)}`);
    try {
      const result = await work((text) => (detail = text));
      stop();
      this.line(`${done} (${seconds(Date.now() - began)})`);
      return result;
    } catch (error) {
      stop();
      throw error;
    }
  }

  #redraw(text) {
    const draw = () => {
      const line = `${stamp()} ${text()}`.slice(0, (this.stream.columns || 80) - 1);
      this.stream.write(`\r\x1b[2K${line}`);
    };
    draw();
    const timer = setInterval(draw, REDRAW_MS);
    return () => {
      clearInterval(timer);
      this.stream.write('\r\x1b[2K');
    };
  }

  #repeat(text) {
    const timer = setInterval(() => this.line(text()), HEARTBEAT_MS);
    return () => clearInterval(timer);
  }
}
