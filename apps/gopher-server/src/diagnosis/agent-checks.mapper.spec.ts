import { type DiagnosticCheck, DiagnosticOutcome } from '@gopher/proto';
import { toFindings } from './agent-checks.mapper.js';

const answered = (changes: Partial<DiagnosticCheck> = {}): DiagnosticCheck => ({
  id: 'data-client',
  outcome: DiagnosticOutcome.FAIL,
  meaning: 'It does not run',
  advice: 'Start it',
  leg: 'rathole→machine',
  unit: '',
  subject: '',
  ...changes,
});
const toChecks = (all: DiagnosticCheck[]) => toFindings(all).checks;
const one = (changes: Partial<DiagnosticCheck>) => toChecks([answered(changes)])[0];

describe(toFindings.name, () => {
  it('takes a check as it is', () => {
    expect(toChecks([answered({ value: 3, unit: 'ms', subject: 'tunnel.x' })])).toEqual([
      {
        id: 'data-client',
        leg: 'rathole→machine',
        outcome: 'fail',
        subject: 'tunnel.x',
        measured: { value: 3, unit: 'ms' },
        meaning: 'It does not run',
        advice: 'Start it',
      },
    ]);
  });

  it.each(['edge-database', 'agent-reachable', 'tunnel-probe'])(
    'leaves out %s, which only the edge can say',
    (id) => expect(one({ id })).toBeUndefined(),
  );

  it.each(['', 'A', 'a b', '../x', '<b>', `a${'x'.repeat(63)}`])('leaves out the id %j', (id) =>
    expect(one({ id })).toBeUndefined(),
  );

  it('takes a check of a newer agent, on the leg that it names', () => {
    expect(one({ id: 'of-tomorrow', leg: 'machine→target' })).toMatchObject({
      id: 'of-tomorrow',
      leg: 'machine→target',
    });
    expect(one({ id: 'of-tomorrow', leg: 'nowhere' })?.leg).toBe('machine');
    expect(one({ id: 'disk', leg: 'edge' })?.leg).toBe('machine');
  });

  it.each([DiagnosticOutcome.UNSPECIFIED, DiagnosticOutcome.UNRECOGNIZED, 99])(
    'reads the outcome %i as not told',
    (outcome) => expect(one({ outcome })?.outcome).toBe('skip'),
  );

  it.each([
    [Number.NaN, 'ms'],
    [Number.POSITIVE_INFINITY, 'ms'],
    [1, 'furlongs'],
    [undefined, 'ms'],
  ])('has no measure from %d %s', (value, unit) => {
    const { id, ...rest } = answered({ unit });
    const check = value === undefined ? { id, ...rest } : { id, ...rest, value };
    expect(toChecks([check])[0]?.measured).toBeNull();
  });

  it('is bounded in number and in length, and has nothing that a terminal obeys', () => {
    const long = '\u001b[31m\u202e'.repeat(10_000);
    const { checks, omitted } = toFindings(
      Array.from({ length: 10_000 }, () =>
        answered({ meaning: long, advice: long, subject: long }),
      ),
    );
    expect(checks.length).toBeLessThanOrEqual(500);
    expect(omitted).toBe(10_000 - checks.length);
    const { meaning, advice, subject } = checks[0]!;
    for (const text of [meaning, advice, subject]) {
      expect(text!.length).toBeLessThanOrEqual(1_001);
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });
});
