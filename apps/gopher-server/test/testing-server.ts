import 'reflect-metadata';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { DataSource } from 'typeorm';
import {
  type CertificateAuthority,
  createCertificateRequest,
  generatePrivateKey,
} from '@gopher/identity';
import type { AgentTarget } from '@gopher/machine';
import { AgentService, type EnrolmentRequest, type EnrolmentResponse } from '@gopher/proto';
import type { Supervisor } from '@gopher/supervisor';
import {
  type AgentIdentity,
  FakeAgent,
  type FakeAgentOptions,
} from '../../../test/product/fake-agent.js';
import { freePortBlock, type PortBlock } from '../../../test/product/ports.js';
import { until } from '../../../test/product/until.js';
import { ApiTokens } from '../src/api-token/api-tokens.js';
import { ServerConfig } from '../src/config/server.config.js';
import { dataSourceOptions } from '../src/database/data-source.options.js';
import { EdgeIdentity } from '../src/edge/edge-identity.js';
import { Reconciler } from '../src/edge/reconciler.js';
import { createHttpApp } from '../src/http/create-http-app.js';
import { AgentCertificates } from '../src/machine/agent-certificates.js';
import { GrpcAgentClient } from '../src/machine/grpc-agent-client.js';
import { SecretBox } from '../src/secret/secret-box.js';
import { engineSupervisor } from '../src/startup/engines.js';
import { StateDirectory } from '../src/state/state-directory.js';
import { createDatabase, type TestingDatabase } from './testing-database.js';

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
  text: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { path: string; message: string }[];
}

export interface JoiningMachine {
  id: string;
  name: string;
  join: { token: string };
}

export interface CallOptions {
  method?: string;
  /** Sent as JSON, unless it is text already. */
  body?: unknown;
  headers?: Record<string, string>;
}

const RATHOLE = 'rathole-server';
/** A line of Fastify's tree of routes: how deep, what it adds to the path, its methods. */
const ROUTE = /^((?:[│ ] {3})*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?$/;

/**
 * gopher-server as it is, inside this process: the real application on a database, a state
 * directory and ports of its own, with the real rathole.
 */
export class TestingServer {
  private app: NestFastifyApplication | null = null;
  private supervisor: Supervisor | null = null;
  private token = '';
  private readonly agents: FakeAgent[] = [];

  private constructor(
    readonly ports: PortBlock,
    readonly stateDir: string,
    readonly testingDatabase: TestingDatabase,
    readonly settings: Record<string, string>,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<TestingServer> {
    const stateDir = await mkdtemp(join(tmpdir(), 'gopher-server-'));
    const server = new TestingServer(
      await freePortBlock(),
      stateDir,
      await createDatabase(),
      settings,
    );
    await server.open();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.api}`;
  }

  get authorization(): { authorization: string } {
    return { authorization: `Bearer ${this.token}` };
  }

  get database(): DataSource {
    return this.get(DataSource);
  }

  get ca(): CertificateAuthority {
    return this.get(EdgeIdentity).ca;
  }

  get edgeId(): string {
    return this.get(EdgeIdentity).value;
  }

  /** A provider of the application. */
  get<T>(token: { prototype: T }): T {
    return this.app!.get<T>(token as Type<T>, { strict: false });
  }

  /** Every route that Fastify knows, as `get /api/v1/machines/{id}`; without HEAD and OPTIONS. */
  routes(): string[] {
    const fastify = this.app!.getHttpAdapter().getInstance();
    const path: string[] = [];
    return fastify
      .printRoutes({ commonPrefix: false })
      .split('\n')
      .flatMap((line) => {
        const [, indent = '', part = '', methods] = ROUTE.exec(line) ?? [];
        path.splice(indent.length / 4, Infinity, part);
        const url = path.join('').replaceAll(/:(\w+)/g, '{$1}');
        const listed = methods?.toLowerCase().split(', ') ?? [];
        return listed
          .filter((method) => method !== 'head' && method !== 'options')
          .map((method) => `${method} ${url}`);
      });
  }

  /** As a start after an end, with nothing kept in memory. */
  async restart(): Promise<void> {
    await this.close();
    await this.open();
  }

  async stop(): Promise<void> {
    for (const agent of this.agents) agent.close();
    await this.close();
    const supervisor = engineSupervisor(this.config());
    await supervisor.stop(RATHOLE);
    await supervisor.release();
    await rm(this.stateDir, { recursive: true, force: true });
    await this.testingDatabase.drop();
  }

  serverToml(): Promise<string> {
    return readFile(join(this.stateDir, 'rathole/server.toml'), 'utf8');
  }

  /** Below /api/v1, with the token; any status is an answer. */
  call<T = Problem>(path: string, options: CallOptions = {}): Promise<Answer<T>> {
    const headers = { ...this.authorization, ...options.headers };
    return this.fetch<T>(`/api/v1${path}`, { ...options, headers });
  }

  /** Without the token. */
  async fetch<T = Problem>(path: string, options: CallOptions = {}): Promise<Answer<T>> {
    const { method = 'GET', body, headers = {} } = options;
    const json = body !== undefined && typeof body !== 'string';
    const content = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(json ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body === undefined ? {} : { body: content }),
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson && text ? JSON.parse(text) : text) as T,
      text,
    };
  }

  /** A call that has to succeed. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call<T>(path, { method, ...(body === undefined ? {} : { body }) });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  createMachine(name: string): Promise<JoiningMachine> {
    return this.api('POST', '/machines', { name });
  }

  /** As `gopher-agent enroll` asks; any status is an answer. */
  async enrol<T = EnrolmentResponse>(
    token: string,
    {
      keyPem = generatePrivateKey(),
      ...changes
    }: Partial<EnrolmentRequest> & { keyPem?: string } = {},
  ): Promise<Answer<T> & { keyPem: string }> {
    const body: EnrolmentRequest = {
      token,
      csrPem: await createCertificateRequest(keyPem),
      agentVersion: '0.1.0',
      protocolVersion: 1,
      hostname: 'fake',
      agentPort: 4322,
      checkPort: 4323,
      ...changes,
    };
    const answer = await this.fetch<T>('/api/v1/enrolments', { method: 'POST', body });
    return { ...answer, keyPem };
  }

  /** Where the edge looks for the agent of a machine. */
  async agentPort(machineId: string): Promise<number> {
    const { agentAddr } = await this.api<{ agentAddr: string }>('GET', `/machines/${machineId}`);
    return Number(agentAddr.split(':')[1]);
  }

  /** An agent at the address at which the edge looks for that of `machineId`. */
  async agentAt(
    machineId: string,
    identity: AgentIdentity,
    { says, ...options }: { says?: string } & Pick<FakeAgentOptions, 'config' | 'control'> = {},
  ): Promise<FakeAgent> {
    const agent = await FakeAgent.listen({
      ...options,
      machineId: says ?? machineId,
      caPem: this.ca.certificatePem,
      identity,
      port: await this.agentPort(machineId),
    });
    this.agents.push(agent);
    return agent;
  }

  /** A machine whose agent has enrolled and is up. */
  async joinedMachine(
    name: string,
  ): Promise<{ id: string; agent: FakeAgent; identity: AgentIdentity }> {
    const { id, join: joining } = await this.createMachine(name);
    const { body, keyPem } = await this.enrol(joining.token);
    const identity = { keyPem, certificatePem: body.certificatePem };
    const agent = await this.agentAt(id, identity);
    await this.untilAgentIs(id, 'up');
    return { id, agent, identity };
  }

  /**
   * Asks an agent over a connection that is made now, which remembers no former failure. Resolves
   * with the SHA-256 of the certificate that it showed. @throws AgentUnreachableError
   */
  async askAnew(target: AgentTarget): Promise<string | null> {
    const agents = this.get(GrpcAgentClient);
    const channel = await agents.freshChannel(target);
    try {
      await agents.call(channel, AgentService.getStatus, {});
      return channel.presented;
    } finally {
      channel.close();
    }
  }

  async agentStatus(machineId: string): Promise<string | null> {
    const machine = await this.api<{ agentStatus: string | null }>('GET', `/machines/${machineId}`);
    return machine.agentStatus;
  }

  untilAgentIs(machineId: string, status: string | null): Promise<unknown> {
    return until(`the agent is ${status}`, async () => {
      return (await this.agentStatus(machineId)) === status;
    });
  }

  /** Ends the application; rathole stays, as with the real one. */
  async close(): Promise<void> {
    await this.app?.close();
    await this.supervisor?.release();
    this.app = null;
  }

  private config(): ServerConfig {
    const { api, rathole, tunnels, backChannels } = this.ports;
    return ServerConfig.parse({
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      XDG_CACHE_HOME: process.env.XDG_CACHE_HOME,
      ...(process.env.GOPHER_RATHOLE ? { GOPHER_RATHOLE: process.env.GOPHER_RATHOLE } : {}),
      GOPHER_STATE_DIR: this.stateDir,
      GOPHER_PORT: String(api),
      GOPHER_RATHOLE_BIND: `127.0.0.1:${rathole}`,
      GOPHER_TUNNEL_PORTS: `${tunnels.from}-${tunnels.to}`,
      GOPHER_BACK_CHANNEL_PORTS: `${backChannels.from}-${backChannels.to}`,
      GOPHER_LOG_LEVEL: 'silent',
      DATABASE_URL: this.testingDatabase.url,
      ...this.settings,
    });
  }

  async open(): Promise<void> {
    const config = this.config();
    this.supervisor = engineSupervisor(config);
    const database = await new DataSource(dataSourceOptions(this.testingDatabase.url)).initialize();
    this.app = await openApp(config, database, this.supervisor);
    this.token = (await readFile(this.get(ApiTokens).file, 'utf8')).trim();
  }
}

/** The application, listening; in the order of `serve`, without the locks of a process. */
export async function openApp(
  config: ServerConfig,
  database: DataSource,
  supervisor: Supervisor,
): Promise<NestFastifyApplication> {
  const state = new StateDirectory(config.stateDir);
  const box = new SecretBox(await state.sealingKey());
  const identity = await EdgeIdentity.open(database, state, box, config.edgeName);
  const app = await createHttpApp({ config, database, identity, state, box, supervisor });
  await app.get(ApiTokens).prepare();
  await app.get(AgentCertificates).load();
  app.useLogger(app.get(Logger));
  await app.init();
  await app.get(Reconciler).settled();
  await app.listen(config.port, config.host);
  return app;
}
