import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  HttpTarget,
  NODE,
  repositoryPath,
  TestEdge,
  TestMachine,
  untilServes,
} from '../../../test/product/index.js';

const NO_PYTHON = 3;
const INSTALL_MS = 300_000;
/** By count and not by time, so that a slow machine tries as much as a fast one: that takes longer. */
const EXAMPLES_PER_OPERATION = 15;
const FUZZ_MS = 480_000;
const OUTPUT_BYTES = 64 * 1024 * 1024;
const FEWEST_CASES_PER_OPERATION = 10;
/** Of what takes its time with each answer. */
const CASES_OF_STREAMS = 8;
const CASES_OF_DIAGNOSES = 5;
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'positive_data_acceptance',
  'negative_data_rejection',
  'use_after_free',
  'ignored_auth',
];
/** That a machine is not there, or has no agent, is no fault of a request. */
const ACCEPTED = ['2xx', '401', '404', '409', '412'];
const REFUSED = ['400', '401', '404', '409', '412', '413', '414', '415'];

interface OpenApi {
  paths: Record<string, Record<string, { operationId: string; responses: object }>>;
}

/** What exists, so that not everything that is asked for is not there. */
interface Known {
  machineId: string;
  tunnelId: string;
}

const run = promisify(execFile);

export async function openApi(edge: TestEdge): Promise<OpenApi> {
  return (await (await fetch(`${edge.url}/openapi.json`)).json()) as OpenApi;
}

/** Programs of Python that read an OpenAPI document; the first test on a machine installs them. */
export class ApiFuzzer {
  private constructor(private readonly python: string) {}

  /** null where there is no Python that could run them. */
  static async find(): Promise<ApiFuzzer | null> {
    const script = repositoryPath('scripts/get-schemathesis.mjs');
    try {
      const { stdout } = await run(NODE, [script], { timeout: INSTALL_MS });
      return new ApiFuzzer(stdout.trim());
    } catch (error) {
      if ((error as { code?: unknown }).code === NO_PYTHON) return null;
      throw error;
    }
  }

  /** Resolves with what is wrong with the document; empty: nothing. */
  async invalidities(document: OpenApi): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'gopher-openapi-'));
    try {
      const file = join(folder, 'openapi.json');
      writeFileSync(file, JSON.stringify(document));
      const args = ['-m', 'openapi_spec_validator', '--errors', 'all', file];
      return await run(this.python, args).then(() => '', printed);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Calls everything that the edge says it has. Resolves with what it printed. */
  async fuzz(
    edge: TestEdge,
    known: Known,
    { rounds, seed }: { rounds: number; seed: number },
  ): Promise<{ text: string; failed: boolean }> {
    const config = join(edge.directory, 'schemathesis.toml');
    writeFileSync(config, settings(await openApi(edge), known, edge.token));
    const examples = String(rounds * EXAMPLES_PER_OPERATION);
    const bounds = ['--max-examples', examples, '--seed', String(seed)];
    const output = ['--checks', CHECKS.join(','), '--continue-on-failure', '--no-color'];
    const command = ['--config-file', config, 'run', `${edge.url}/openapi.json`];
    return run(this.python, ['-m', 'schemathesis.cli', ...command, ...bounds, ...output], {
      cwd: edge.directory,
      timeout: rounds * FUZZ_MS,
      maxBuffer: OUTPUT_BYTES,
    }).then(
      ({ stdout }) => ({ text: stdout, failed: false }),
      (error: object) => ({ text: printed(error), failed: true }),
    );
  }
}

/** An edge with a machine and a tunnel, of which little may be left in the end. */
export class FuzzedEdge implements AsyncDisposable {
  private constructor(
    private readonly edge: TestEdge,
    private readonly target: HttpTarget,
    private readonly known: Known,
    private readonly stack: AsyncDisposableStack,
  ) {}

  static async start(): Promise<FuzzedEdge> {
    await using stack = new AsyncDisposableStack();
    const edge = stack.adopt(await TestEdge.start(), (one) => one.stop());
    const machine = stack.adopt(await TestMachine.join(edge, 'attic'), (one) => one.stop());
    const target = stack.adopt(await HttpTarget.start(edge.ports.next()), (one) => one.close());
    const { id: tunnelId } = await edge.publish(machine.id, target.address);
    return new FuzzedEdge(edge, target, { machineId: machine.id, tunnelId }, stack.move());
  }

  /** Every answer is one that the document has, and none is a 5xx. */
  async answersAsDescribed(fuzzer: ApiFuzzer, rounds = 1): Promise<void> {
    const seed = Number(process.env.GOPHER_FUZZ_SEED ?? randomInt(2 ** 31));
    console.log(`GOPHER_FUZZ_SEED=${seed}`);
    const { text, failed } = await fuzzer.fuzz(this.edge, this.known, { rounds, seed });
    assert.ok(!failed, text);
    const count = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
    const [tested, cases] = [count(/Tested: +(\d+)/), count(/(\d+) generated/)];
    const { paths } = await openApi(this.edge);
    const all = Object.values(paths).flatMap((item) => Object.keys(item)).length;
    assert.equal(tested, all, text);
    assert.ok(cases >= all * FEWEST_CASES_PER_OPERATION, text);
    console.log(`${cases} cases, ${tested} operations`);
  }

  /** It is ready, nothing failed inside of it, and a machine that joins now carries bytes. */
  async goesOn(): Promise<void> {
    assert.equal((await fetch(`${this.edge.url}/readyz`)).status, 200);
    // Which alone logs what nobody expected of a request.
    assert.doesNotMatch(this.edge.serverLog(), /"context":"ProblemFilter"/);
    const machine = await TestMachine.join(this.edge, 'after-all-that');
    this.stack.defer(() => machine.stop());
    const { address } = await this.edge.publish(machine.id, this.target.address);
    await untilServes(address, this.target.name, 10_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

const printed = (error: object): string => {
  const { stdout, stderr, message } = error as Record<string, string | undefined>;
  return `${stdout ?? ''}${stderr ?? ''}` || (message ?? '');
};

/** Half of the ids in paths are of something that exists; a stream is read for a moment only. */
function settings({ paths }: OpenApi, known: Known, token: string): string {
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  const streams = operations.filter(({ responses }) =>
    JSON.stringify(responses).includes('text/event-stream'),
  );
  return [
    'max-stream-events = 2',
    'warnings = false',
    `headers = { Authorization = "Bearer ${token}" }`,
    expecting('positive_data_acceptance', ACCEPTED),
    expecting('negative_data_rejection', REFUSED),
    `dictionaries.machines = { values = ["${known.machineId}"] }`,
    `dictionaries.tunnels = { values = ["${known.tunnelId}"] }`,
    ...of(`include-path-regex = '^/api/v1/machines/[{]id[}]/'`, withId('machines')),
    ...of(`include-path-regex = '^/api/v1/tunnels/[{]id[}]/'`, withId('tunnels')),
    // No schema says what a certificate request is, nor how two fields go together.
    ...of(
      'include-operation-id = ["createTunnel", "enrol", "updateTunnel", "watchEvents"]',
      expecting('positive_data_acceptance', ACCEPTED, '400'),
    ),
    ...streams.flatMap(({ operationId }) =>
      of(
        `include-operation-id = "${operationId}"`,
        'request-timeout = 2',
        'phases.coverage.enabled = false',
        `generation.max-examples = ${CASES_OF_STREAMS}`,
      ),
    ),
    ...of("include-path-regex = '/diagnose$'", `generation.max-examples = ${CASES_OF_DIAGNOSES}`),
    '',
  ].join('\n');
}

const of = (...lines: string[]) => ['[[operations]]', ...lines];

const expecting = (check: string, ...statuses: (string | string[])[]) =>
  `checks.${check}.expected-statuses = ${JSON.stringify(statuses.flat())}`;

const withId = (dictionary: string) =>
  `parameters = { "path.id" = { dictionary = "${dictionary}", probability = 0.5 } }`;
