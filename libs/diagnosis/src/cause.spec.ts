import { causeOf, ordered, outcomeOf } from './cause.js';
import { type Check, CHECK_LEGS, type Outcome } from './check.js';
import { CHECKS, type CheckId } from './check-ids.js';
import { failed, passed, skipped, warned } from './finding.js';

const ADVICE = { advice: 'do something' };
const fails = (id: CheckId, subject: string | null = null) =>
  failed(id, `${id} is broken`, { ...ADVICE, subject });

/** The one that explains the other, or has to be put right first, and the other. */
const PAIRS: [CheckId, CheckId][] = [
  ['edge-disk', 'edge-database'],
  ['edge-memory', 'edge-rathole-runs'],
  ['edge-rathole-runs', 'edge-control-port'],
  ['edge-rathole-runs', 'control-port-reachable'],
  ['edge-rathole-runs', 'data-client'],
  ['edge-control-port', 'control-port-reachable'],
  ['edge-control-port', 'agent-reachable'],
  ['disk', 'config-valid'],
  ['disk', 'config-unedited'],
  ['disk', 'config-expected'],
  ['disk', 'data-client'],
  ['inodes', 'config-unedited'],
  ['memory', 'data-client'],
  ['memory', 'agent-runs'],
  ['clock', 'certificate'],
  ['clock', 'agent-certificate'],
  ['clock', 'agent-reachable'],
  ['config-valid', 'data-client'],
  ['config-unedited', 'control-client'],
  ['config-unedited', 'data-client'],
  ['config-unedited', 'data-path'],
  ['config-unedited', 'target-accepts'],
  ['config-unedited', 'tunnel-probe'],
  ['edge-name-resolves', 'control-client'],
  ['edge-name-resolves', 'data-client'],
  ['edge-name-resolves', 'agent-reachable'],
  ['edge-name-resolves', 'certificate'],
  ['control-port-reachable', 'control-client'],
  ['control-port-reachable', 'data-client'],
  ['control-port-reachable', 'agent-reachable'],
  ['control-port-reachable', 'certificate'],
  ['agent-runs', 'control-client'],
  ['agent-runs', 'data-client'],
  ['control-client', 'agent-reachable'],
  ['control-client', 'certificate'],
  ['certificate', 'agent-reachable'],
  ['agent-certificate', 'agent-reachable'],
  ['data-client', 'config-expected'],
  ['data-client', 'edge-tunnel-port'],
  ['data-client', 'data-path'],
  ['data-client', 'tunnel-probe'],
  ['data-client', 'target-accepts'],
  ['agent-reachable', 'data-path'],
  ['policy', 'config-expected'],
  ['policy', 'revision'],
  ['data-client', 'revision'],
  ['disk', 'revision'],
  ['revision', 'config-expected'],
  ['revision', 'edge-tunnel-port'],
  ['revision', 'tunnel-probe'],
  ['edge-tunnel-port', 'tunnel-probe'],
  ['data-path', 'tunnel-probe'],
  ['data-path', 'target-accepts'],
  ['target-accepts', 'target-speaks'],
  ['target-accepts', 'tunnel-probe'],
  ['target-speaks', 'tunnel-probe'],
  ['tunnel-probe', 'rathole-capabilities'],
  ['tunnel-probe', 'edge-rathole-capabilities'],
  ['tunnel-probe', 'edge-noise-services'],
];

describe(causeOf.name, () => {
  it.each(PAIRS)('finds %s behind %s', (cause, consequence) => {
    expect(causeOf([fails(consequence), fails(cause)])?.id).toBe(cause);
    expect(causeOf([fails(cause), fails(consequence)])?.id).toBe(cause);
  });

  it('puts any fail before any warning', () => {
    const warning = warned('edge-disk', 'almost full', ADVICE);
    for (const { id } of CHECKS) expect(causeOf([warning, fails(id)])?.id).toBe(id);
  });

  it('finds a warning where nothing fails, and nothing where all is well', () => {
    const well = [passed('disk', 'room'), skipped('clock', 'not told')];
    expect(causeOf(well)).toBeNull();
    const warning = warned('versions', 'older', ADVICE);
    expect(causeOf([...well, warning])).toBe(warning);
  });

  it('takes the first of those that are alike', () => {
    const [first, second] = [fails('target-accepts', 'web'), fails('target-accepts', 'ssh')];
    expect(causeOf([first, second])).toBe(first);
  });

  it('takes a check that it does not know last', () => {
    const unknown: Check = { ...fails('disk'), id: 'of-a-newer-release' };
    expect(causeOf([unknown, fails('versions')])?.id).toBe('versions');
    expect(causeOf([unknown])).toBe(unknown);
  });
});

describe(ordered.name, () => {
  it('has the cause on top and the rest along the path, each once', () => {
    const checks = CHECKS.map(({ id }) => passed(id, 'well'));
    const broken = checks.map((check) => (check.id === 'tunnel-probe' ? fails(check.id) : check));
    const [first, ...rest] = ordered(broken.toReversed());
    expect(first?.id).toBe('tunnel-probe');
    const legs = rest.map(({ leg }) => CHECK_LEGS.indexOf(leg));
    expect(legs).toEqual(legs.toSorted((a, b) => a - b));
    expect(new Set([first, ...rest])).toEqual(new Set(broken));
  });
});

describe(outcomeOf.name, () => {
  it.each<[Outcome, Check[]]>([
    ['fail', [passed('disk', ''), warned('memory', '', ADVICE), fails('clock')]],
    ['warn', [passed('disk', ''), warned('memory', '', ADVICE), skipped('clock', '')]],
    ['pass', [passed('disk', ''), skipped('clock', '')]],
    ['skip', [skipped('clock', '')]],
    ['skip', []],
  ])('is %s', (outcome, checks) => {
    expect(outcomeOf(checks)).toBe(outcome);
  });
});

describe('CHECKS', () => {
  it('names each check once', () => {
    const ids = CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
