import { type Evidence, tcpVerdict, udpVerdict } from './tunnel-verdict.js';

const AT = new Date();
const TUNNEL = { target: '127.0.0.1:80', port: 10_000, state: 'pending' } as const;
const serves = { serves: true, observedAt: AT, detail: '' };
const broken = { serves: false, observedAt: AT, detail: 'nothing came back' };
const evidence = (changes: Partial<Evidence>): Evidence => ({
  outcome: { met: 'silence' },
  dataPath: serves,
  hasAgent: true,
  targetProblem: null,
  waitingMs: 0,
  edgeProblem: null,
  ...changes,
});
const refused = { met: 'refused', detail: 'ECONNREFUSED' } as const;

describe(tcpVerdict.name, () => {
  const cases: [string, Partial<Evidence>, object][] = [
    ['bytes from the target', { outcome: { met: 'bytes' } }, { state: 'active', proof: 'bytes' }],
    [
      'bytes, whatever the data check says',
      { outcome: { met: 'bytes' }, dataPath: broken },
      { state: 'active', proof: 'bytes' },
    ],
    ['a target that waits for the visitor', {}, { state: 'active', proof: 'accepted' }],
    [
      'silence of a machine that was never checked',
      { dataPath: null },
      { state: 'active', proof: 'accepted' },
    ],
    [
      'silence behind a client that carries no bytes, at first',
      { dataPath: broken },
      { state: 'pending', reason: 'The machine is being told' },
    ],
    [
      'silence behind a client that carries no bytes, for long',
      { dataPath: broken, waitingMs: 10_000 },
      {
        state: 'failed',
        leg: 'rathole→machine',
        reason: expect.stringMatching(/nothing came back/),
      },
    ],
    [
      'an end without bytes',
      { outcome: { met: 'closed' } },
      { state: 'failed', leg: 'machine→target', reason: expect.stringMatching(/127\.0\.0\.1:80;/) },
    ],
    [
      'an end without bytes, with what the agent found',
      { outcome: { met: 'closed' }, targetProblem: 'ECONNREFUSED' },
      {
        state: 'failed',
        leg: 'machine→target',
        reason: expect.stringMatching(/: ECONNREFUSED; is/),
      },
    ],
    ['a port that is not open yet', { outcome: refused }, { state: 'pending' }],
    [
      'a port that does not open',
      { outcome: refused, waitingMs: 10_000 },
      { state: 'failed', leg: 'rathole→machine', reason: expect.stringMatching(/ECONNREFUSED/) },
    ],
    [
      'a port that does not open, of a machine without an agent',
      { outcome: refused, hasAgent: false, dataPath: null, waitingMs: 1e9 },
      { state: 'pending', reason: expect.stringMatching(/client\.toml/) },
    ],
  ];

  it.each(cases)('on %s', (_, changes, verdict) => {
    expect(tcpVerdict(TUNNEL, evidence(changes))).toMatchObject(verdict);
  });
});

describe('a tunnel that has failed', () => {
  const FAILED = { ...TUNNEL, state: 'failed' } as const;
  const refused = { met: 'refused', detail: 'ECONNREFUSED' } as const;

  it('is not called pending again for a probe that begins anew', () => {
    const verdict = tcpVerdict(FAILED, evidence({ outcome: refused, waitingMs: 0 }));
    expect(verdict).toMatchObject({ state: 'failed', leg: 'rathole→machine' });
  });

  it('is not blamed on the machine while rathole does not run on the edge', () => {
    const edgeProblem = 'rathole does not run on the edge: it ended';
    for (const hasAgent of [true, false]) {
      const verdict = tcpVerdict(FAILED, evidence({ outcome: refused, hasAgent, edgeProblem }));
      expect(verdict).toEqual({ state: 'failed', leg: 'edge', reason: edgeProblem });
    }
  });

  it('of a machine without an agent stays failed for as long as its port is closed', () => {
    const away = evidence({ outcome: { met: 'refused', detail: '' }, hasAgent: false });
    const verdict = tcpVerdict({ ...TUNNEL, state: 'failed' }, away);
    expect(verdict).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/10000 is closed/),
    });
  });
});

describe(udpVerdict.name, () => {
  it('rests on the port and the data check alone', () => {
    const rest = { dataPath: serves, hasAgent: true, waitingMs: 20_000, edgeProblem: null };
    expect(udpVerdict(TUNNEL, rest, true)).toEqual({ state: 'active', proof: 'bound' });
    expect(udpVerdict(TUNNEL, { ...rest, dataPath: null }, true)).toMatchObject({
      state: 'active',
    });
    expect(udpVerdict(TUNNEL, { ...rest, dataPath: broken }, true)).toMatchObject({
      state: 'failed',
    });
    expect(udpVerdict(TUNNEL, rest, false)).toMatchObject({
      state: 'failed',
      leg: 'rathole→machine',
    });
    expect(udpVerdict(TUNNEL, { ...rest, waitingMs: 0 }, false)).toMatchObject({
      state: 'pending',
    });
    expect(udpVerdict(TUNNEL, { ...rest, hasAgent: false }, false)).toMatchObject({
      state: 'pending',
    });
  });
});
