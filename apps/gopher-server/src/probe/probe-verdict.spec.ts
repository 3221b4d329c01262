import type { TargetCheck } from '@gopher/proto';
import { type ProbeFindings, probeVerdict } from './probe-verdict.js';

const TCP = { protocol: 'tcp', target: '10.0.0.5:22', speaks: null, port: 10_000 } as const;
const HTTP = { ...TCP, speaks: 'http' } as const;
const UDP = { ...TCP, protocol: 'udp' } as const;

const silence = { met: 'silence', connectMs: 1 } as const;
const end = { met: 'end', connectMs: 1 } as const;
const nobody = { met: 'nobody', detail: 'ECONNREFUSED' } as const;
const bytes = { met: 'bytes', connectMs: 1, firstByteMs: 1, answerMs: 0, speaks: true } as const;
const broken = { state: 'broken', detail: 'nothing came back' } as const;
const unknown = { state: 'unknown', why: 'The machine has no agent' } as const;
const check = (found: Partial<TargetCheck> = {}): TargetCheck => ({
  service: '',
  target: TCP.target,
  accepts: true,
  detail: '',
  connectMs: 1,
  ...found,
});
const dead = check({ accepts: false, detail: 'nothing listens there' });

const findings = (changes: Partial<ProbeFindings>): ProbeFindings => ({
  visit: null,
  isOpen: true,
  dataPath: { state: 'serves' },
  target: null,
  hasTraffic: false,
  edgeProblem: null,
  ...changes,
});
const failed = (leg: string, reason: RegExp) => {
  return { outcome: 'failed', leg, reason: expect.stringMatching(reason) };
};
const unverified = (reason: RegExp) => {
  return { outcome: 'unverified', reason: expect.stringMatching(reason) };
};

describe(probeVerdict.name, () => {
  const cases: [string, Parameters<typeof probeVerdict>[0], Partial<ProbeFindings>, object][] = [
    ['declared, and it speaks', HTTP, { visit: bytes }, { outcome: 'passed', proof: 'bytes' }],
    [
      'declared, and it speaks, whatever the agent says',
      HTTP,
      { visit: bytes, dataPath: broken, target: dead },
      { outcome: 'passed', proof: 'bytes' },
    ],
    [
      'declared, and its port is closed',
      HTTP,
      { visit: nobody },
      failed('rathole→machine', /port 10000 is closed/),
    ],
    [
      'declared, and the edge has no rathole',
      HTTP,
      { visit: nobody, edgeProblem: 'rathole does not run' },
      failed('edge', /^rathole does not run$/),
    ],
    [
      'declared, silent, and the way there is broken',
      HTTP,
      { visit: silence, dataPath: broken },
      failed('rathole→machine', /No bytes pass the data client: nothing came back/),
    ],
    [
      'declared, and its target is dead',
      HTTP,
      { visit: end, target: dead },
      failed('machine→target', /cannot reach 10\.0\.0\.5:22: nothing listens there/),
    ],
    [
      'declared, and its target accepts and says nothing',
      HTTP,
      { visit: silence, target: check({ speaks: false, detail: 'it accepts, and says nothing' }) },
      failed('machine→target', /does not speak HTTP.*says nothing/),
    ],
    [
      'declared, and only the agent gets an answer',
      HTTP,
      { visit: silence, target: check({ speaks: true }) },
      failed('rathole→machine', /answers the agent/),
    ],
    [
      'declared, dead, and its machine has no agent',
      HTTP,
      { visit: end, dataPath: unknown },
      failed('machine→target', /cannot reach/),
    ],
    [
      'undeclared, and its target accepts',
      TCP,
      { target: check() },
      { outcome: 'passed', proof: 'accepted' },
    ],
    [
      'undeclared, and its target is dead',
      TCP,
      { target: dead },
      failed('machine→target', /nothing listens there/),
    ],
    [
      'undeclared, and its target is dead for new visitors',
      TCP,
      { target: dead, hasTraffic: true },
      failed('machine→target', /nothing listens there/),
    ],
    [
      'undeclared, and visitors get bytes',
      TCP,
      { dataPath: unknown, hasTraffic: true },
      { outcome: 'passed', proof: 'bytes' },
    ],
    [
      'undeclared, and its machine has no agent',
      TCP,
      { dataPath: unknown },
      unverified(/has no agent/),
    ],
    ['undeclared, and its agent is older than to say', TCP, {}, unverified(/does not say/)],
    [
      'undeclared, and the way there is broken',
      TCP,
      { dataPath: broken, target: check(), hasTraffic: true },
      failed('rathole→machine', /No bytes pass/),
    ],
    [
      'undeclared, and its port is closed',
      TCP,
      { isOpen: false, target: check() },
      failed('rathole→machine', /port 10000 is closed/),
    ],
    [
      'undeclared, and whether its port is open is not to be seen',
      TCP,
      { isOpen: null, target: check() },
      { outcome: 'passed', proof: 'accepted' },
    ],
    ['UDP, bound', UDP, {}, { outcome: 'passed', proof: 'bound' }],
    ['UDP, and not bound', UDP, { isOpen: false }, failed('rathole→machine', /closed/)],
    [
      'UDP, and the way there is broken',
      UDP,
      { dataPath: broken },
      failed('rathole→machine', /No/),
    ],
    ['UDP, and its machine has no agent', UDP, { dataPath: unknown }, unverified(/no agent/)],
  ];

  it.each(cases)('on a tunnel that is %s', (_, tunnel, changes, result) => {
    expect(probeVerdict(tunnel, findings(changes))).toEqual(result);
  });
});
