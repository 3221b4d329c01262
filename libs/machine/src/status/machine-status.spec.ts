import type { AgentReport } from '../agent/agent-report.js';
import { agentReport } from '../testing/fake-agent-client.js';
import type { Machine } from '../machine.entity.js';
import type { RevisionView, TunnelSummary } from './edge-view.js';
import { deriveStatus, type Health, NO_TUNNELS } from './machine-status.js';

const AT = new Date(1_800_000_000_000);
const REPORT = agentReport();

const machine = (changes: Partial<Machine> = {}): Machine => ({
  id: 'id',
  edgeId: 'edge',
  name: 'attic',
  version: 1,
  agentAddr: '127.0.0.1:21000',
  agentStatus: 'up',
  agentObservedAt: AT,
  agentMisses: 0,
  agentReport: REPORT,
  agentReportedAt: AT,
  createdAt: AT,
  ...changes,
});

const bare = machine({
  agentAddr: null,
  agentStatus: null,
  agentReport: null,
  agentReportedAt: null,
});
const tunnels = (counts: Partial<TunnelSummary>): TunnelSummary => ({ ...NO_TUNNELS, ...counts });
const serves = { serves: true, observedAt: AT, detail: '' };
const broken = { serves: false, observedAt: AT, detail: 'nothing came back' };
const data = (state: 'stopped' | 'running' | 'frozen', detail = '') =>
  machine({ agentReport: agentReport({ data: { ...REPORT.data!, state, detail } }) });
const control = (state: 'stopped' | 'running' | 'frozen') =>
  machine({ agentReport: agentReport({ control: { ...REPORT.control!, state } }) });

const revision = (state: RevisionView['state'], reason: string | null = null): RevisionView => ({
  wanted: { sha256: 'ab', number: 2 },
  state,
  differences: [],
  reason,
});

describe(deriveStatus.name, () => {
  const cases: [string, Partial<Parameters<typeof deriveStatus>[0]>, Health, RegExp[]][] = [
    ['an agent that is up', {}, 'healthy', []],
    ['tunnels that are up', { tunnels: tunnels({ total: 2, active: 2 }) }, 'healthy', []],
    ['a new tunnel', { tunnels: tunnels({ total: 1, pending: 1 }) }, 'healthy', []],
    [
      'a failed tunnel',
      { tunnels: tunnels({ total: 2, active: 1, failed: 1 }) },
      'degraded',
      [/1 of 2/],
    ],
    ['bytes that pass', { dataPath: serves }, 'healthy', []],
    [
      'bytes that do not pass',
      { dataPath: broken },
      'degraded',
      [/No bytes pass.*nothing came back/],
    ],
    [
      'a data client that is gone',
      { machine: data('stopped') },
      'degraded',
      [/data client is stopped/],
    ],
    [
      'a data client that hangs',
      { machine: data('frozen', 'SIGSTOP') },
      'degraded',
      [/frozen: SIGSTOP/],
    ],
    [
      'a data client on its way',
      { machine: data('running') },
      'degraded',
      [/data client is running/],
    ],
    ['a control client that hangs', { machine: control('frozen') }, 'degraded', [/control client/]],
    ['a control client on its way', { machine: control('running') }, 'healthy', []],
    [
      'a file that was changed by hand',
      {
        machine: machine({
          agentReport: agentReport({ config: { ...REPORT.config!, state: 'drifted' } }),
        }),
      },
      'degraded',
      [/changed by hand/],
    ],
    [
      'several things at once',
      { machine: data('stopped'), dataPath: broken, tunnels: tunnels({ total: 1, failed: 1 }) },
      'degraded',
      [/data client/, /No bytes/, /1 of 1/],
    ],
    ['a silent agent', { machine: machine({ agentStatus: 'down' }) }, 'down', [/does not answer/]],
    [
      'a silent agent behind which bytes pass',
      { machine: machine({ agentStatus: 'down' }), dataPath: serves },
      'degraded',
      [/does not answer/],
    ],
    [
      'a silent agent behind which no bytes pass',
      {
        machine: machine({ agentStatus: 'down' }),
        dataPath: broken,
        tunnels: tunnels({ total: 1, failed: 1 }),
      },
      'down',
      [/does not answer/, /1 of 1/],
    ],
    [
      'an agent that just missed to answer',
      { machine: machine({ agentStatus: 'unknown' }) },
      'unknown',
      [/just missed/],
    ],
    [
      'an agent that just missed to answer, while bytes pass',
      { machine: machine({ agentStatus: 'unknown' }), dataPath: serves },
      'unknown',
      [/just missed/],
    ],
    ['no agent and no tunnel', { machine: bare }, 'unknown', [/No agent and no tunnel/]],
    [
      'no agent, all tunnels up',
      { machine: bare, tunnels: tunnels({ total: 2, active: 2 }) },
      'healthy',
      [],
    ],
    [
      'no agent, some failed',
      { machine: bare, tunnels: tunnels({ total: 2, active: 1, failed: 1 }) },
      'degraded',
      [/1 of 2/],
    ],
    [
      'no agent, all failed',
      { machine: bare, tunnels: tunnels({ total: 2, failed: 2 }) },
      'down',
      [/2 of 2/],
    ],
    [
      'a configuration that was taken back',
      { revision: revision('reverted', 'not confirmed within 30 s') },
      'degraded',
      [/newest configuration was reverted: not confirmed within 30 s/],
    ],
    [
      'a control client that could not be moved',
      { controlProblem: 'The control client could not be moved' },
      'degraded',
      [/could not be moved/],
    ],
    ['a configuration on its way', { revision: revision('pushing') }, 'healthy', []],
    [
      'no agent, one that waits',
      { machine: bare, tunnels: tunnels({ total: 2, active: 1, pending: 1 }) },
      'unknown',
      [/wait/],
    ],
  ];

  it.each(cases)('of %s', (_, facts, health, reasons) => {
    const status = deriveStatus({
      machine: machine(),
      tunnels: NO_TUNNELS,
      metrics: null,
      dataPath: null,
      revision: null,
      controlProblem: null,
      ...facts,
    });
    expect(status.health).toBe(health);
    expect(status.reasons).toEqual(reasons.map((reason) => expect.stringMatching(reason)));
  });

  it('has nothing of an agent for a machine without one, not even the data path', () => {
    const status = deriveStatus({
      machine: bare,
      tunnels: NO_TUNNELS,
      metrics: null,
      dataPath: serves,
      revision: null,
      controlProblem: null,
    });
    expect(status).toMatchObject({ agent: null, rathole: null, system: null, dataPath: null });
  });

  it('keeps what an agent said last, with its time, while it is silent', () => {
    const reportedAt = new Date(AT.getTime() - 60_000);
    const silent = machine({ agentStatus: 'down', agentReportedAt: reportedAt });
    const { agent, rathole } = deriveStatus({
      machine: silent,
      tunnels: NO_TUNNELS,
      metrics: null,
      dataPath: null,
      revision: null,
      controlProblem: null,
    });
    expect(agent).toMatchObject({ status: 'down', observedAt: AT, reportedAt });
    expect(rathole).toMatchObject({ version: '0.5.0', observedAt: reportedAt });
  });

  it('takes a report that was stored before agents told of what they took back', () => {
    const { reverted: _, found: __, highestRevision: ___, ...old } = REPORT;
    const { rathole } = deriveStatus({
      machine: machine({ agentReport: old as AgentReport }),
      tunnels: NO_TUNNELS,
      metrics: null,
      dataPath: null,
      revision: null,
      controlProblem: null,
    });
    expect(rathole).toMatchObject({ reverted: null, found: null });
  });
});
