// Loaded before the agent with `node --import`. Once the file that GOPHER_TEST_KILL_AT names is
// there, the agent ends by SIGKILL just before the nth of its calls that change something. It says so in
// the same file with `.done` behind its name.
import childProcess from 'node:child_process';
import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const orders = process.env.GOPHER_TEST_KILL_AT;
const kill = process.kill.bind(process);
let calls = 0;

function step() {
  let text;
  try {
    text = fs.readFileSync(orders, 'utf8');
  } catch {
    calls = 0;
    return;
  }
  calls += 1;
  if (calls !== Number(text)) return;
  fs.writeFileSync(`${orders}.done`, '');
  kill(process.pid, 'SIGKILL');
}

function guard(owner, names) {
  for (const name of names) {
    const original = owner[name];
    owner[name] = function guarded(...args) {
      step();
      return original.apply(this, args);
    };
  }
}

const probe = await fsPromises.open(process.execPath, 'r');
guard(Object.getPrototypeOf(probe), ['writeFile', 'chmod', 'chown', 'sync', 'close']);
await probe.close();
guard(fsPromises, ['open', 'rename', 'rm', 'link', 'copyFile', 'chmod', 'mkdir', 'utimes']);
guard(childProcess, ['spawn']);
guard(process, ['kill']);
syncBuiltinESMExports();
