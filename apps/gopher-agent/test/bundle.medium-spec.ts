import type { AgentCaller } from './agent-caller.js';
import { TestMachine } from './agent-process.js';

/** The agent as it is shipped: bundled, with its flags. Its footprint is the benchmarks' business. */
describe('the bundled agent', () => {
  let machine: TestMachine;
  let caller: AgentCaller;

  beforeAll(async () => {
    machine = await TestMachine.open();
    machine.useBundle();
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
});
