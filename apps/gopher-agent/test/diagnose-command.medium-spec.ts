import { existsSync } from 'node:fs';
import { appendFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { causeOf, CHECKS } from '@gopher/diagnosis';
import { procState } from '@gopher/host';
import { FAKETIME } from '../../../test/product/libfaketime.js';
import { createCertificateRequest } from '@gopher/identity';
import { until } from '../../../test/product/until.js';
import type { EnrolmentRecord } from '../src/identity/enrolment-record.js';
import { TestMachine } from './agent-process.js';
import { localReport, type Report, SilentPort, withoutHost } from './diagnosis-fixture.js';
import { PushFixture } from './push-fixture.js';

if (!FAKETIME) console.warn('Skipped: a machine with a wrong clock: apt install faketime');

const failing = ({ checks }: Report) => checks.filter(({ outcome }) => outcome === 'fail');

/** Every file below it, with when it was changed. */
async function snapshot(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  const lines = names.map(async (name) => {
    const { mtimeMs, size } = await stat(join(directory, name));
    // What the clients log meanwhile is theirs.
    return name.endsWith('.log') ? name : `${name} ${mtimeMs} ${size}`;
  });
  return (await Promise.all(lines)).sort();
}

describe('gopher-agent diagnose', () => {
  let fixture: PushFixture;
  let machine: TestMachine;

  beforeAll(async () => {
    fixture = await PushFixture.open(undefined, (one) => one.useBundle());
    machine = fixture.machine;
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  beforeEach(async () => {
    await until('nothing fails', async () => failing(await localReport(machine)).length === 0);
  });

  /** Whatever a test broke and did not put right, since it failed. */
  afterEach(async () => {
    await machine.edge.serveTunnels(machine.ports.agent, machine.ports.check);
    await rm(machine.policyFile, { force: true });
  });

  it('finds nothing wrong where all is well, looks at everything, and changes nothing', async () => {
    const before = await snapshot(machine.stateDir);
    const report = await localReport(machine);
    expect(report).toMatchObject({ code: 0 });
    expect(causeOf(withoutHost(report))).toBeNull();
    const looked = new Set(report.checks.map(({ id }) => id));
    const own = CHECKS.filter(({ side, id }) => side === 'agent' && id !== 'target-speaks');
    expect(own.filter(({ id }) => !looked.has(id))).toEqual([]);
    expect(report.took).toBeLessThan(5_000);
    expect(await snapshot(machine.stateDir)).toEqual(before);
  });

  it('begins with the cause and what to do, then has a line for each check', async () => {
    const pid = machine.clientPid('data');
    process.kill(pid, 'SIGSTOP');
    await until('it is stopped', () => procState(pid) === 'T');
    const { code, out } = await machine.command('diagnose');
    process.kill(pid, 'SIGCONT');
    expect(code).toBe(1);
    const [first, advice, , head, ...lines] = out.split('\n');
    expect(first).toMatch(/^FAIL data-client: The data client \(process \d+\), which carries all/);
    expect(advice).toBe(`What to do: Let it go on: kill -CONT ${pid}.`);
    expect(head).toMatch(/^ +check +of +measured +what was found$/);
    expect(lines[0]).toMatch(/^fail +data-client +data/);
    expect(lines.join('\n')).toMatch(
      /\npass +target-accepts +web +[\d.]+ ms +127\.0\.0\.1:\d+ accepts/,
    );
    expect(out).not.toContain(fixture.machine.edge.tokenOf('web'));
  });

  it('names an edge that does not answer', async () => {
    const { edge } = machine;
    await edge.stopRathole();
    {
      await using _silent = await SilentPort.open(edge.ports.control);
      const report = await localReport(machine);
      expect(report).toMatchObject({ code: 1, cause: { id: 'control-port-reachable' } });
      expect(report.cause?.meaning).toContain('is filtered on the way');
      expect(report.took).toBeLessThan(6_000);
    }
  });

  it('names a policy that is in the way, and prints nothing but JSON', async () => {
    await writeFile(machine.policyFile, '[[allow]]\nhosts = ["192.168.7.7"]\n');
    const report = await localReport(machine);
    expect(report).toMatchObject({ code: 1, cause: { id: 'policy', subject: 'web' } });
  });

  it.skipIf(!FAKETIME)('names a clock that is wrong', async () => {
    const env = { LD_PRELOAD: FAKETIME!, FAKETIME: '-3d', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    const report = await localReport(machine, env);
    expect(report).toMatchObject({ code: 1, cause: { id: 'clock' } });
    expect(report.cause?.meaning).toContain(
      "The clock of this machine is 3 days behind the edge's",
    );
  });

  describe('while the agent does not run', () => {
    beforeEach(() => machine.kill('SIGKILL'));
    afterEach(async () => {
      await fixture.restartAgent();
      await fixture.serving(fixture.web);
    });

    it('says so, and still looks at everything', async () => {
      const before = await snapshot(machine.stateDir);
      const report = await localReport(machine);
      expect(report).toMatchObject({ code: 1, cause: { id: 'agent-runs' } });
      expect(failing(report)).toHaveLength(1);
      expect(await snapshot(machine.stateDir)).toEqual(before);
    });

    it.each(['control', 'data'] as const)('names an edited file of %s', async (name) => {
      const path = machine.file('rathole', `${name}.toml`);
      const good = await readFile(path, 'utf8');
      const broken = good.replace(/remote_addr = .*/, 'remote_addr = "edge.invalid:2333"');
      expect(broken).not.toBe(good);
      await writeFile(path, broken);
      const { cause } = await localReport(machine);
      await writeFile(path, good);
      expect(cause).toMatchObject({ id: 'config-unedited', subject: name, outcome: 'fail' });
      expect(cause?.meaning).toContain('edge.invalid:2333');
    });

    it('names a file that is no configuration any more as edited, and a missing one', async () => {
      const path = machine.file('rathole', 'data.toml');
      const good = await readFile(path, 'utf8');
      await appendFile(path, 'nonsense');
      const edited = await localReport(machine);
      await rm(path);
      const missing = await localReport(machine);
      await writeFile(path, good);
      expect(edited.cause).toMatchObject({ id: 'config-unedited', subject: 'data' });
      expect(missing.cause).toMatchObject({ id: 'config-valid', subject: 'data' });
      expect(missing.cause?.meaning).toContain('is missing');
    });

    it('names a certificate that expired', async () => {
      const path = machine.file('enrolment.json');
      const text = await readFile(path, 'utf8');
      const record = JSON.parse(text) as EnrolmentRecord;
      const { keyPem } = record.credentials;
      const day = 86_400_000;
      const validity = {
        notBefore: new Date(Date.now() - 90 * day),
        notAfter: new Date(Date.now() - day / 2),
      };
      const csr = await createCertificateRequest(keyPem);
      const certificatePem = await machine.edge.ca.issueMachine(csr, record.machineId, validity);
      const credentials = { keyPem, certificatePem };
      await writeFile(path, JSON.stringify({ ...record, credentials }));
      await machine.run();
      const { cause } = await localReport(machine);
      await machine.kill('SIGKILL');
      await writeFile(path, text);
      expect(cause).toMatchObject({ id: 'certificate', outcome: 'fail' });
      expect(cause?.measured).toEqual({ value: -1, unit: 'days' });
      expect(cause?.meaning).toContain('expired at');
    });
  });
});

describe('gopher-agent diagnose on a machine', () => {
  it('that was given a wrong name of the edge names it, though nothing else works either', async () => {
    await using machine = await TestMachine.open();
    machine.useBundle();
    const elsewhere = (toml: string) =>
      toml.replace(/remote_addr = .*/, 'remote_addr = "edge.invalid:2333"');
    machine.edge.answer = (body) => ({
      status: 201,
      body: { ...body, controlToml: elsewhere(body.controlToml) },
    });
    expect((await machine.enroll()).code).toBe(0);
    await machine.run();
    const report = await localReport(machine);
    expect(report).toMatchObject({
      code: 1,
      cause: { id: 'edge-name-resolves', subject: 'edge.invalid' },
    });
    expect(report.checks).toContainEqual(
      expect.objectContaining({ id: 'control-port-reachable', outcome: 'skip' }),
    );
    expect(report.took).toBeLessThan(6_000);
  });

  it('that is not enrolled says so, and makes nothing', async () => {
    await using machine = await TestMachine.open();
    const { code, out, err } = await machine.command('diagnose', '--json');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('This machine is not enrolled');
    expect(existsSync(machine.stateDir)).toBe(false);
  });

  it('with a damaged record says which file it is', async () => {
    await using machine = await TestMachine.running();
    await writeFile(machine.file('enrolment.json'), '{');
    const { code, err } = await machine.command('diagnose');
    expect(code).toBe(1);
    expect(err).toContain('enrolment.json is damaged');
  });
});
