import type { RunDiagnosticsResponse } from '@gopher/proto';
import type { AgentCaller } from './agent-caller.js';
import { TestMachine } from './agent-process.js';

/**
 * The agent as it is shipped: bundled, with its flags, and with nothing beside it. Its footprint is the
 * benchmarks' business.
 */
describe('the bundled agent', () => {
  let machine: TestMachine;
  let caller: AgentCaller;

  beforeAll(async () => {
    machine = await TestMachine.open();
    await machine.useFetchedBundle();
    await machine.edge.serveTunnels(machine.ports.agent, machine.ports.check);
    const { code, err } = await machine.enroll();
    if (code !== 0) throw new Error(err);
    await machine.run();
    caller = machine.caller(machine.ports.agent);
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  it('says how the machine is', async () => {
    expect(await caller.status()).toMatchObject({ system: { os: 'linux' }, protocolVersion: 1 });
  });

  it('renews its certificate, for which it loads what it does without otherwise', async () => {
    const { csrPem } = await caller.call<{ csrPem: string }>('createCertificateRequest', {});
    expect(csrPem).toContain('BEGIN CERTIFICATE REQUEST');
  });

  it('diagnoses itself, as the command does, which is loaded for it', async () => {
    const { checks } = await caller.call<RunDiagnosticsResponse>('runDiagnostics', {
      edgeTime: new Date(),
      expectedSha256: '',
      targets: [],
    });
    expect(checks.length).toBeGreaterThan(10);
    const { out, err } = await machine.command('diagnose', '--json');
    expect(err).toBe('');
    expect((JSON.parse(out) as { checks: unknown[] }).checks.length).toBeGreaterThan(10);
  });

  it('gives its speakers the names that the source has', async () => {
    await caller.call('restartRathole', { reason: 'a test' });
    const contexts = machine.log.map((line) => (JSON.parse(line) as { context?: string }).context);
    expect(contexts).toContain('RatholeClients');
    expect(contexts.filter((name) => name?.startsWith('_'))).toEqual([]);
  });
});
