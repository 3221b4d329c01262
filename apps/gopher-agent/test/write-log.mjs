// Writes lines into a log as fast as it is told, for so long, and says how many and how fast.
// node write-log.mjs <file> <lines a second> <seconds> <rathole|json>
import { openSync, writeSync } from 'node:fs';

const [path, rate, seconds, format] = process.argv.slice(2);
const log = openSync(path, 'a');
const total = Number(rate) * Number(seconds);
const started = performance.now();
let written = 0;

function line(number) {
  const level = number % 1_000 === 0 ? 'warn' : 'info';
  const message = `flood line ${number} of a program that says far too much about nothing`;
  const at = new Date().toISOString();
  if (format === 'json') return `${JSON.stringify({ at, level, context: 'Flood', message })}\n`;
  return `${at.slice(0, -1)}000Z ${level.toUpperCase().padStart(5)} rathole::client: ${message}\n`;
}

function step() {
  const due = Math.min(Math.floor(((performance.now() - started) / 1_000) * rate), total);
  while (written < due) {
    let text = '';
    for (const end = Math.min(written + 500, due); written < end; written += 1) {
      text += line(written);
    }
    writeSync(log, text);
  }
  if (written < total) return setTimeout(step, 5);
  const took = (performance.now() - started) / 1_000;
  process.stdout.write(JSON.stringify({ written, perSecond: Math.round(written / took) }));
}
step();
