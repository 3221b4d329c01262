import { status } from '@grpc/grpc-js';
import { X509Certificate } from 'node:crypto';
import { certificateSha256, publicKeySha256 } from '@gopher/identity';
import type { Check } from '@gopher/diagnosis';
import { type DiagnosticCheck, DiagnosticOutcome, type RunDiagnosticsRequest } from '@gopher/proto';
import { agentIdentity } from '../../../test/product/fake-agent.js';
import { releasedRathole } from '../../../test/product/rathole.js';
import { until } from '../../../test/product/until.js';
import { type Diagnosis, diagnosisView } from '../src/diagnosis/diagnosis.schema.js';
import { RatholeServer } from '../src/edge/rathole/rathole-server.js';
import { AgentCertificate } from '../src/enrolment/agent-certificate.entity.js';
import { AgentCertificates } from '../src/machine/agent-certificates.js';
import { TestingMachine } from './testing-machine.js';
import { TestingServer } from './testing-server.js';

const DAY_MS = 86_400_000;
const BUDGET_MS = 8_000;
/** For so long a report is given to everybody who asks. */
const KEPT_MS = 1_000;

const RELEASED = releasedRathole();
if (!RELEASED) console.warn('Not tested: a released rathole, for there is none in the cache');

const finding = (changes: Partial<DiagnosticCheck> = {}): DiagnosticCheck => ({
  id: 'data-client',
  outcome: DiagnosticOutcome.PASS,
  meaning: 'The data client is connected',
  advice: '',
  leg: 'rathole→machine',
  unit: '',
  subject: '',
  ...changes,
});

/** Real here: the server, PostgreSQL, rathole on both sides; the agent is a fake. */
describe('a diagnosis', () => {
  let server: TestingServer;
  let machine: TestingMachine;

  beforeAll(async () => {
    server = await TestingServer.start({ GOPHER_AGENT_DEADLINE_MS: '1000' });
    machine = await TestingMachine.join(server, 'attic');
  });

  afterAll(async () => {
    await machine?.stop();
    await server?.stop();
  });

  afterEach(() => {
    machine.agent.diagnose = null;
    machine.agent.hanging.clear();
    machine.agent.failing.clear();
  });

  /** One that was begun after this call. */
  async function diagnose(path: string): Promise<Diagnosis> {
    await new Promise((resolve) => setTimeout(resolve, KEPT_MS + 50));
    const report = await server.api<Diagnosis>('POST', `${path}/diagnose`);
    expect(diagnosisView.parse(report)).toEqual(report);
    expect(report.durationMs).toBeLessThan(BUDGET_MS);
    if (report.cause) expect(report.checks[0]).toEqual(report.cause);
    return report;
  }
  const ofMachine = () => diagnose(`/machines/${machine.id}`);
  const linesOf = ({ checks }: Diagnosis, id: string): Check[] =>
    checks.filter((check) => check.id === id);
  const only = (report: Diagnosis, id: string): Check => {
    const lines = linesOf(report, id);
    expect([id, lines.length]).toEqual([id, 1]);
    return lines[0]!;
  };

  describe('of a machine that is well', () => {
    it('says so, with what both sides found', async () => {
      let asked: RunDiagnosticsRequest | null = null;
      machine.agent.diagnose = (request) => {
        asked = request;
        return { checks: [finding(), finding({ id: 'disk', value: 7, unit: 'bytes' })] };
      };
      const before = Date.now();
      const report = await ofMachine();
      expect(report).toMatchObject({
        about: { kind: 'machine', id: machine.id, name: 'attic' },
        outcome: 'pass',
        cause: null,
        summary: expect.stringMatching(/^All is well: \d+ checks found nothing wrong$/),
      });
      expect(only(report, 'agent-reachable').measured).toEqual({
        value: expect.any(Number),
        unit: 'ms',
      });
      expect(only(report, 'data-path').measured?.value).toBeGreaterThan(0);
      expect(only(report, 'disk').measured).toEqual({ value: 7, unit: 'bytes' });
      expect(only(report, 'edge-disk').measured!.value).toBeGreaterThan(0);
      const { wanted } = (await machine.status()).revision!;
      expect(asked).toMatchObject({ expectedSha256: wanted.sha256 });
      const edgeTime = (asked as unknown as RunDiagnosticsRequest).edgeTime!.getTime();
      expect(edgeTime).toBeGreaterThanOrEqual(before);
      expect(edgeTime).toBeLessThanOrEqual(Date.now());
    });

    it('looks once for all who ask at once, and leaves the status funnel alone', async () => {
      machine.agent.diagnose = () => ({ checks: [] });
      await ofMachine();
      await new Promise((resolve) => setTimeout(resolve, KEPT_MS + 50));
      const countOf = () => machine.agent.calls.filter((call) => call === 'runDiagnostics').length;
      const [calls, before] = [countOf(), await machine.status()];
      const reports = await Promise.all(
        Array.from({ length: 30 }, () =>
          server.api<Diagnosis>('POST', `/machines/${machine.id}/diagnose`),
        ),
      );
      expect(new Set(reports.map(({ at }) => at)).size).toBe(1);
      await server.api('POST', `/machines/${machine.id}/diagnose`);
      expect(countOf()).toBe(calls + 1);
      const { health, agent } = await machine.status();
      expect([health, agent?.status]).toEqual([before.health, 'up']);
    });
  });

  describe('with an agent that', () => {
    it('is no tunnel, and no edge is a machine, also right after their reports', async () => {
      const edge = await diagnose('/edge');
      await server.api('POST', `/machines/${machine.id}/diagnose`);
      for (const path of [`/tunnels/${machine.id}`, `/machines/${edge.about.id}`]) {
        const { status } = await server.call(`${path}/diagnose`, { method: 'POST' });
        expect([path, status]).toEqual([path, 404]);
      }
    });

    it('answers whatever it likes is bounded, and the edge is not blamed', async () => {
      const noise = '\u001b[2J"<script>'.repeat(200);
      machine.agent.diagnose = () => ({
        checks: [
          finding({ id: 'edge-database', outcome: DiagnosticOutcome.FAIL, leg: 'edge' }),
          finding({ id: '../../etc', outcome: DiagnosticOutcome.FAIL }),
          finding({ id: 'clock', outcome: 77 as DiagnosticOutcome, value: Number.NaN, unit: 's' }),
          ...Array.from({ length: 3_000 }, () =>
            finding({ id: 'disk', meaning: noise.slice(0, 300), subject: noise.slice(0, 300) }),
          ),
        ],
      });
      const report = await ofMachine();
      expect(report).toMatchObject({ outcome: 'pass', cause: null });
      expect(only(report, 'edge-database').outcome).toBe('pass');
      expect(only(report, 'clock')).toMatchObject({ outcome: 'skip', measured: null });
      expect(report.checks.length).toBeLessThan(550);
      const left = expect.stringMatching(/; \d{4} lines of its answer are left out here$/);
      expect(only(report, 'agent-reachable').meaning).toEqual(left);
      expect(JSON.stringify(report)).not.toMatch(/\\u001b/);
    });

    it('answers more than a call may carry is told of in one line', async () => {
      const meaning = 'x'.repeat(3 * 1024 * 1024);
      machine.agent.diagnose = () => ({ checks: [finding({ meaning })] });
      const report = await ofMachine();
      expect(only(report, 'agent-reachable')).toMatchObject({
        outcome: 'skip',
        meaning: expect.stringMatching(/could not look at its machine: .*larger/),
      });
      expect(report.cause).toBeNull();
    });

    it('never answers is told of in one line, in time', async () => {
      machine.agent.hanging.add('runDiagnostics');
      const report = await ofMachine();
      expect(only(report, 'agent-reachable')).toMatchObject({
        outcome: 'skip',
        meaning: expect.stringMatching(/answers, and could not look at its machine: .*[Dd]eadline/),
      });
      expect(only(report, 'data-path').outcome).toBe('pass');
    });

    it('fails is told of with what it said', async () => {
      machine.agent.diagnose = () => ({ checks: [] });
      machine.agent.failing.set('runDiagnostics', { code: status.UNKNOWN, details: 'no handle' });
      const { meaning, outcome } = only(await ofMachine(), 'agent-reachable');
      expect([outcome, meaning]).toEqual(['skip', expect.stringMatching(/: no handle$/)]);
    });

    it('is older than the call says what the edge can tell, and what to do', async () => {
      const report = await ofMachine();
      expect(report).toMatchObject({ outcome: 'pass', cause: null });
      expect(only(report, 'agent-reachable').outcome).toBe('pass');
      expect(only(report, 'versions')).toMatchObject({
        outcome: 'skip',
        meaning: expect.stringMatching(/too old/),
        advice: expect.stringMatching(/join command/),
      });
    });

    it('takes a connection and says nothing is the cause, in time', async () => {
      machine.agent.hanging.add('getStatus').add('watchStatus');
      const report = await ofMachine();
      expect(report.cause).toMatchObject({
        id: 'agent-reachable',
        meaning: expect.stringMatching(/^The agent does not answer: nothing comes back in time/),
      });
      expect(linesOf(report, 'data-client')).toEqual([]);
      expect(only(report, 'data-path').outcome).toBe('pass');
      machine.agent.hanging.clear();
      await server.untilAgentIs(machine.id, 'up');
    });
  });

  it('of a machine whose agent is away has the edge’s lines, and one of the agent', async () => {
    const away = await server.joinedMachine('away');
    away.agent.close();
    const report = await diagnose(`/machines/${away.id}`);
    expect(report.cause).toMatchObject({
      id: 'agent-reachable',
      meaning: expect.stringMatching(/control client is not connected to the edge/),
      advice: expect.stringMatching(/gopher-agent diagnose/),
    });
    expect(linesOf(report, 'agent-reachable')).toHaveLength(1);
    expect(linesOf(report, 'data-client')).toEqual([]);
    expect(only(report, 'edge-rathole-runs').outcome).toBe('pass');
  });

  it('of a machine without an agent says that the edge alone is heard', async () => {
    const { id } = await server.createMachine('bare');
    const report = await diagnose(`/machines/${id}`);
    expect(report).toMatchObject({ outcome: 'pass', cause: null });
    expect(only(report, 'agent-reachable')).toMatchObject({
      outcome: 'skip',
      meaning: expect.stringMatching(/has no agent/),
    });
    expect(linesOf(report, 'agent-certificate')).toEqual([]);
  });

  describe('of a tunnel', () => {
    it('has nothing of other tunnels', async () => {
      const [one, other] = [await machine.createTunnel(), await machine.createTunnel()];
      machine.agent.diagnose = () => ({
        checks: [one, other].map(({ id }) =>
          finding({
            id: 'target-accepts',
            subject: `tunnel.${id}`,
            outcome: DiagnosticOutcome.FAIL,
            meaning: `${id} does not accept`,
            advice: 'Start it',
          }),
        ),
      });
      await machine.untilInSync();
      const report = await diagnose(`/tunnels/${one.id}`);
      expect(report.about).toEqual({ kind: 'tunnel', id: one.id, name: one.target });
      expect(report.cause).toMatchObject({ id: 'target-accepts', subject: `tunnel.${one.id}` });
      expect(JSON.stringify(report)).not.toContain(other.id);
      const whole = await ofMachine();
      expect(linesOf(whole, 'target-accepts')).toHaveLength(2);
      // Nothing listens at the target: rathole takes the visitor and hangs up.
      expect(linesOf(whole, 'tunnel-probe').map(({ outcome }) => outcome)).toEqual([
        'fail',
        'fail',
      ]);
      for (const { id } of [one, other]) await server.api('DELETE', `/tunnels/${id}`);
      await machine.untilInSync();
    });

    it('that the machine refused names the refusal, and not the closed port', async () => {
      machine.agent.refusing = () => 'The policy does not allow 127.0.0.1:9';
      const { id } = await machine.createTunnel();
      await machine.untilNewestIs('refused');
      for (const path of [`/tunnels/${id}`, `/machines/${machine.id}`]) {
        const report = await diagnose(path);
        expect(report.cause).toMatchObject({
          id: 'revision',
          outcome: 'fail',
          meaning: expect.stringMatching(/refused .*: The policy does not allow 127\.0\.0\.1:9/),
          advice: expect.stringMatching(/tunnel/),
        });
        expect(only(report, 'edge-tunnel-port').outcome).toBe('fail');
      }
      machine.agent.refusing = null;
      await server.api('DELETE', `/tunnels/${id}`);
      await machine.untilInSync();
      expect((await ofMachine()).cause).toBeNull();
    });
  });

  describe('of an agent’s certificate', () => {
    /** With a certificate that is valid from and until so many days from now. */
    async function machineWith(name: string, from: number, until_: number) {
      const joined = await server.joinedMachine(name);
      const at = (days: number) => new Date(Date.now() + days * DAY_MS);
      const validity = { notBefore: at(from), notAfter: at(until_) };
      const identity = await agentIdentity(server.ca, joined.id, validity);
      const { certificatePem } = identity;
      const { validFromDate: notBefore, validToDate: notAfter } = new X509Certificate(
        certificatePem,
      );
      const certificates = server.database.getRepository(AgentCertificate);
      await certificates.update({ machineId: joined.id }, { state: 'revoked' });
      await certificates.insert({
        sha256: certificateSha256(certificatePem),
        machineId: joined.id,
        publicKeySha256: publicKeySha256(certificatePem),
        notBefore,
        notAfter,
        state: 'active',
      });
      await server.get(AgentCertificates).load();
      joined.agent.present(identity);
      joined.agent.diagnose = () => ({ checks: [finding()] });
      return joined;
    }

    it('that has expired, it is the cause of the agent’s absence', async () => {
      const { id } = await machineWith('expired', -90, -1);
      const report = await diagnose(`/machines/${id}`);
      expect(report.cause).toMatchObject({
        id: 'agent-certificate',
        measured: { value: -1, unit: 'days' },
        meaning: expect.stringMatching(/expired on \d{4}-/),
        advice: expect.stringContaining(`/machines/${id}/join-tokens`),
      });
      expect(only(report, 'agent-reachable')).toMatchObject({
        outcome: 'fail',
        meaning: expect.stringMatching(/certificate/),
      });
    });

    it('that should have been renewed, it warns', async () => {
      const { id } = await machineWith('overdue', -70, 20);
      // It has no data client: that is worse.
      expect(only(await diagnose(`/machines/${id}`), 'agent-certificate')).toMatchObject({
        outcome: 'warn',
        measured: { value: 19, unit: 'days' },
        meaning: expect.stringMatching(/could not be renewed yet/),
      });
    });

    it('that was revoked, it is the cause', async () => {
      const { id } = await machineWith('revoked', -1, 80);
      await server.database
        .getRepository(AgentCertificate)
        .update({ machineId: id }, { state: 'revoked' });
      await server.get(AgentCertificates).load();
      const report = await diagnose(`/machines/${id}`);
      expect(report.cause).toMatchObject({ id: 'agent-certificate', outcome: 'fail' });
      expect(only(report, 'agent-reachable').meaning).toMatch(/was revoked/);
    });
  });

  describe('of the edge', () => {
    it('names a rathole that is frozen, and nothing that comes of it', async () => {
      const { pid } = server.get(RatholeServer).status();
      process.kill(pid!, 'SIGSTOP');
      try {
        for (const path of ['/edge', `/machines/${machine.id}`]) {
          const report = await diagnose(path);
          expect(report.cause).toMatchObject({
            id: 'edge-rathole-runs',
            advice: expect.stringContaining(`kill -CONT ${pid}`),
          });
          expect(only(report, 'edge-control-port')).toMatchObject({
            outcome: 'fail',
            meaning: expect.stringMatching(/nothing happens for 1000 ms/),
          });
        }
      } finally {
        process.kill(pid!, 'SIGCONT');
      }
      await until('all is well', async () => (await diagnose('/edge')).cause === null);
      await server.untilAgentIs(machine.id, 'up');
    });

    it('names a database that is away, and still answers', async () => {
      await server.testingDatabase.leave();
      try {
        const report = await diagnose('/edge');
        expect(report.cause).toMatchObject({ id: 'edge-database', outcome: 'fail' });
        expect(only(report, 'edge-noise-services').outcome).toBe('skip');
        const answer = await server.call(`/machines/${machine.id}/diagnose`, {
          method: 'POST',
        });
        expect(answer.status).toBe(503);
        expect(answer.body.detail).toMatch(/database/);
      } finally {
        await server.testingDatabase.comeBack();
      }
      await until('all is well', async () => (await diagnose('/edge')).cause === null);
    });

    it('counts the ports that are left', async () => {
      const { from, to } = server.ports.tunnels;
      const taken = (count: number) =>
        server.database.query(
          `INSERT INTO "port_lease" ("edge_id", "protocol", "port", "purpose", "machine_id")
           SELECT $1, 'udp', p, 'tunnel', $2 FROM generate_series($3::int, $4::int) p
           ON CONFLICT DO NOTHING`,
          [server.edgeId, machine.id, from, from + count - 1],
        );
      const line = async () =>
        linesOf(await diagnose('/edge'), 'edge-port-leases').find(
          ({ subject }) => subject === 'UDP tunnels',
        );
      const all = to - from + 1;
      await taken(all - 2);
      expect(await line()).toMatchObject({
        outcome: 'warn',
        measured: { value: 2, unit: 'count' },
        advice: expect.stringMatching(/GOPHER_TUNNEL_PORTS/),
      });
      await taken(all);
      expect((await diagnose('/edge')).cause).toMatchObject({
        id: 'edge-port-leases',
        outcome: 'fail',
      });
      await server.database.query(`DELETE FROM "port_lease" WHERE "protocol" = 'udp'`);
      expect((await line())?.outcome).toBe('pass');
    });
  });

  it.skipIf(!RELEASED)('of an edge with a released rathole counts its services', async () => {
    const old = await TestingServer.start({ GOPHER_RATHOLE: RELEASED! });
    try {
      const { id: machineId } = await old.createMachine('many');
      const publish = () => old.api('POST', '/tunnels', { machineId, target: '127.0.0.1:9' });
      for (let i = 0; i < 49; i += 1) await publish();
      const look = () => old.api<Diagnosis>('POST', '/edge/diagnose');
      const before = await look();
      expect(before.cause).toMatchObject({ id: 'edge-rathole-capabilities', outcome: 'warn' });
      expect(only(before, 'edge-noise-services')).toMatchObject({
        outcome: 'pass',
        measured: { value: 49, unit: 'count' },
      });
      await publish();
      await new Promise((resolve) => setTimeout(resolve, KEPT_MS + 50));
      expect((await look()).cause).toMatchObject({
        id: 'edge-noise-services',
        outcome: 'warn',
        measured: { value: 50, unit: 'count' },
      });
    } finally {
      await old.stop();
    }
  });

  it.each(['machines', 'tunnels'])('of what is not there is a problem: %s', async (kind) => {
    const post = (id: string) => server.call(`/${kind}/${id}/diagnose`, { method: 'POST' });
    const missing = await post('0193a000-0000-7000-8000-000000000000');
    expect([missing.status, missing.body.type]).toEqual([
      404,
      `urn:gopher:problem:${kind.slice(0, -1)}-not-found`,
    ]);
    for (const id of ['x', '%00', '1']) expect((await post(id)).status).toBe(400);
    const anonymous = await server.fetch(`/api/v1/${kind}/x/diagnose`, { method: 'POST' });
    expect(anonymous.status).toBe(401);
  });
});
