import type { TargetCheck } from '@gopher/proto';
import { type Evidence, tcpVerdict, udpVerdict } from './tunnel-verdict.js';

const AT = new Date();
const TUNNEL = { target: '127.0.0.1:80', speaks: null, port: 10_000, state: 'pending' } as const;
const serves = { serves: true, observedAt: AT, detail: '' };
const broken = { serves: false, observedAt: AT, detail: 'nothing came back' };
const silence = { met: 'silence', connectMs: 1 } as const;
const end = { met: 'end', connectMs: 1 } as const;
const bytes = { met: 'bytes', connectMs: 1, firstByteMs: 1, answerMs: 0, speaks: true } as const;
const check = (found: Partial<TargetCheck>): TargetCheck => ({
  service: '',
  target: '127.0.0.1:80',
  accepts: true,
  detail: '',
  connectMs: 1,
  ...found,
});
const evidence = (changes: Partial<Evidence>): Evidence => ({
  outcome: silence,
  dataPath: serves,
  hasAgent: true,
  target: null,
  isPushing: false,
  waitingMs: 0,
  edgeProblem: null,
  ...changes,
});
const refused = { met: 'nobody', detail: 'ECONNREFUSED' } as const;

describe(tcpVerdict.name, () => {
  const cases: [string, Partial<Evidence>, object][] = [
    ['bytes from the target', { outcome: bytes }, { state: 'active', proof: 'bytes' }],
    [
      'bytes, whatever the data check says',
      { outcome: bytes, dataPath: broken },
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
      { outcome: end },
      { state: 'failed', leg: 'machine→target', reason: expect.stringMatching(/127\.0\.0\.1:80;/) },
    ],
    [
      'an end without bytes, with what the agent found',
      { outcome: end, target: check({ accepts: false, detail: 'nothing listens there' }) },
      {
        state: 'failed',
        leg: 'machine→target',
        reason: expect.stringMatching(/: nothing listens there; is/),
      },
    ],
    [
      'an end without bytes, although the agent is let in',
      { outcome: end, target: check({}) },
      { state: 'failed', leg: 'machine→target', reason: expect.stringMatching(/ends them/) },
    ],
    [
      'an end without bytes, while the machine may still have the target before',
      { outcome: end, isPushing: true, waitingMs: 9_999 },
      { state: 'pending', reason: 'The machine is being told' },
    ],
    [
      'an end without bytes of a push that does not get through',
      { outcome: end, isPushing: true, waitingMs: 10_000 },
      { state: 'failed', leg: 'machine→target' },
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
  const refused = { met: 'nobody', detail: 'ECONNREFUSED' } as const;

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
    const away = evidence({ outcome: { met: 'nobody', detail: '' }, hasAgent: false });
    const verdict = tcpVerdict({ ...TUNNEL, state: 'failed' }, away);
    expect(verdict).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/10000 is closed/),
    });
  });
});

describe('a tunnel that is declared to speak HTTP', () => {
  const HTTP = { ...TUNNEL, speaks: 'http' } as const;
  const failed = (leg: string, reason: RegExp) => {
    return { state: 'failed', leg, reason: expect.stringMatching(reason) };
  };
  const cases: [string, Partial<Evidence>, object][] = [
    ['up when it does', { outcome: bytes }, { state: 'active', proof: 'bytes' }],
    [
      'not up when it says nothing',
      { outcome: silence },
      failed('machine→target', /does not speak HTTP, as it is declared to: it accepts, and says/),
    ],
    [
      'not up when it answers with something else',
      { outcome: { ...bytes, speaks: false } },
      failed('machine→target', /does not speak HTTP.*answers with something else/),
    ],
    [
      'described as the agent found it',
      { outcome: silence, target: check({ speaks: false, detail: 'it is slow' }) },
      failed('machine→target', /does not speak HTTP, as it is declared to: it is slow/),
    ],
    [
      'not to blame when the agent gets what a visitor does not',
      { outcome: silence, target: check({ speaks: true }) },
      failed('rathole→machine', /answers the agent/),
    ],
    [
      'not to blame for a client that carries no bytes',
      { outcome: silence, dataPath: broken, waitingMs: 10_000 },
      failed('rathole→machine', /nothing came back/),
    ],
  ];

  it.each(cases)('is %s', (_, changes, verdict) => {
    expect(tcpVerdict(HTTP, evidence(changes))).toEqual(verdict);
  });
});

describe(udpVerdict.name, () => {
  it('rests on the port and the data check alone', () => {
    const rest = { dataPath: serves, hasAgent: true, waitingMs: 20_000, edgeProblem: null };
    expect(udpVerdict(TUNNEL, rest, true)).toEqual({ state: 'active', proof: 'bound' });
    expect(udpVerdict(TUNNEL, { ...rest, dataPath: null }, true)).toEqual({
      state: 'active',
      proof: 'unverified',
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
