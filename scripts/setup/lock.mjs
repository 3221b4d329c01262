import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { inCheckout } from './checkout.mjs';

const FOLDER = inCheckout('.gopher');
const FILE = inCheckout('.gopher/setup.lock');
/** The end of a process that is not ours raises no event. */
const POLL_MS = 200;

/** Two that install into one checkout at once would leave neither a whole one. */
export async function withSetupLock(onWait, work) {
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  let waitedFor = 0;
  while (!tryTake()) {
    const pid = holder();
    if (pid !== null && pid !== waitedFor) onWait((waitedFor = pid));
    if (pid === null) rmSync(FILE, { force: true });
    else await delay(POLL_MS);
  }
  const release = () => rmSync(FILE, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

function tryTake() {
  try {
    writeFileSync(FILE, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

/** null when whoever took it is gone; a number may have come to another program since. */
function holder() {
  try {
    const pid = Number(readFileSync(FILE, 'utf8'));
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return command.includes('scripts/') ? pid : null;
  } catch {
    return null;
  }
}
