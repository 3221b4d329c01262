import type { ProcessStatus } from '@gopher/supervisor';
import { ProcessWords } from './watch.js';

const status = (change: Partial<ProcessStatus>): ProcessStatus => ({
  name: 'gopher-server',
  state: 'running',
  pid: 7,
  startedAt: null,
  adopted: false,
  restartNeeded: false,
  restarts: 0,
  lastExit: null,
  nextStartAt: null,
  ...change,
});
const exit = { at: new Date(0), code: null, signal: 'SIGKILL' as const };
const gone = status({ state: 'backing-off', pid: null, lastExit: exit });

describe(ProcessWords.name, () => {
  it('says once that a process is gone, and once that it runs again', () => {
    const words = new ProcessWords();
    const said = [status({}), gone, gone, status({ pid: 8, lastExit: exit }), status({ pid: 8 })];
    expect(said.map((one) => words.of(one))).toEqual([
      null,
      'gopher-server is gone (killed by SIGKILL); it is started again',
      null,
      'gopher-server runs again (process 8)',
      null,
    ]);
  });

  it('says nothing of a first start', () => {
    expect(new ProcessWords().of(status({}))).toBeNull();
  });
});
