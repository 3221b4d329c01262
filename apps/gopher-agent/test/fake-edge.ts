import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import {
  CertificateAuthority,
  generatePrivateKey,
  verifyCertificateRequest,
} from '@gopher/identity';
import type { EnrolmentRequest, EnrolmentResponse } from '@gopher/proto';
import {
  configSha256,
  generateNoiseKeyPair,
  type RatholeClientService,
  renderClient,
  renderServer,
} from '@gopher/rathole';
import { freePort } from '../../../test/product/free-port.js';
import { ratholePath } from '../../../test/product/rathole.js';

export interface Tunnel extends RatholeClientService {
  /** Where visitors arrive. */
  publicPort: number;
}

export interface OtherEdge {
  /** For a control client. */
  toml: string;
  /** Where the agent is reached through it. */
  agentPort: number;
}

type Answer = { status: number; body: unknown };

/** The edge as one machine sees it: enrolment over HTTP, and a real rathole server. */
export class FakeEdge {
  readonly machineId = randomUUID();
  readonly token = randomBytes(16).toString('hex');
  readonly requests: EnrolmentRequest[] = [];
  /** SHA-256 of the public key of each request. */
  readonly presentedKeys: string[] = [];
  readonly noise = generateNoiseKeyPair();
  readonly tokens = new Map<string, string>();
  /** Replaces the answer; null drops the connection without one. */
  answer: (normal: EnrolmentResponse) => Answer | null = (body) => ({ status: 201, body });
  tunnels: Tunnel[] = [];
  readonly serverKeyPem = generatePrivateKey();
  serverCertificatePem = '';
  private http: Server | null = null;
  private rathole: ChildProcess | null = null;
  private readonly others: ChildProcess[] = [];

  private constructor(
    readonly directory: string,
    readonly ca: CertificateAuthority,
    readonly ports: { http: number; control: number; agent: number; check: number },
  ) {}

  static async open(directory: string): Promise<FakeEdge> {
    await mkdir(directory, { recursive: true });
    const ports = {
      http: await freePort(),
      control: await freePort(),
      agent: await freePort(),
      check: await freePort(),
    };
    const edge = new FakeEdge(directory, await CertificateAuthority.create('test'), ports);
    edge.serverCertificatePem = await edge.ca.issueServer(edge.serverKeyPem);
    edge.http = createServer((request, response) => void edge.serve(request, response));
    edge.http.listen(ports.http, '127.0.0.1');
    await once(edge.http, 'listening');
    return edge;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  async close(): Promise<void> {
    this.http?.closeAllConnections();
    this.http?.close();
    for (const other of this.others) other.kill('SIGKILL');
    await this.stopRathole();
  }

  /** Starts the rathole server, or gives the running one its new services. */
  async serveTunnels(agentPort: number, checkPort: number): Promise<void> {
    const services = this.services(agentPort, checkPort);
    const toml = renderServer({
      bindAddr: `127.0.0.1:${this.ports.control}`,
      heartbeatIntervalS: 30,
      localPrivateKey: this.noise.privateKey,
      services: services.map(({ name, type, token, publicPort }) => ({
        name,
        type,
        token,
        bindAddr: `127.0.0.1:${publicPort}`,
      })),
    });
    const file = join(this.directory, 'server.toml');
    await writeFile(`${file}.next`, toml);
    await rename(`${file}.next`, file);
    if (this.rathole) return;
    this.rathole = spawn(await ratholePath(), ['--server', file], { stdio: 'ignore' });
  }

  async stopRathole(): Promise<void> {
    const { rathole } = this;
    this.rathole = null;
    if (!rathole || rathole.exitCode !== null) return;
    rathole.kill('SIGKILL');
    await once(rathole, 'exit');
  }

  controlToml(agentPort: number): string {
    return this.clientToml(this.services(agentPort, 1).slice(0, 1));
  }

  dataToml(checkPort: number): string {
    return this.clientToml(this.services(1, checkPort).slice(1));
  }

  dataConfig(checkPort: number, revision: number) {
    const toml = this.dataToml(checkPort);
    return { revision, toml, sha256: configSha256(toml) };
  }

  /** A second way to the agent: another server, with a key and ports of its own. */
  async openOther(agentPort: number): Promise<OtherEdge> {
    const noise = generateNoiseKeyPair();
    const [control, agent] = [await freePort(), await freePort()];
    const { name, type, token } = this.tunnel(`moved.${this.machineId}`, '127.0.0.1:1', agent);
    const file = join(this.directory, `other-${control}.toml`);
    const bindAddr = `127.0.0.1:${control}`;
    const services = [{ name, type, token, bindAddr: `127.0.0.1:${agent}` }];
    const server = { bindAddr, heartbeatIntervalS: 30, localPrivateKey: noise.privateKey };
    await writeFile(file, renderServer({ ...server, services }));
    const rathole = spawn(await ratholePath(), ['--server', file], { stdio: 'ignore' });
    const client = { heartbeatTimeoutS: 40, retryIntervalS: 1, remotePublicKey: noise.publicKey };
    const localAddr = `127.0.0.1:${agentPort}`;
    const leading = [{ name, type, token, localAddr }];
    const toml = renderClient({ ...client, remoteAddr: bindAddr, services: leading });
    this.others.push(rathole);
    return { toml, agentPort: agent };
  }

  tokenOf(service: string): string {
    const token = this.tokens.get(service) ?? randomBytes(24).toString('hex');
    this.tokens.set(service, token);
    return token;
  }

  tunnel(name: string, localAddr: string, publicPort: number): Tunnel {
    return { name, type: 'tcp', localAddr, publicPort, token: this.tokenOf(name) };
  }

  otherCa(): Promise<CertificateAuthority> {
    return CertificateAuthority.create('other');
  }

  async enrolmentFor(request: EnrolmentRequest): Promise<EnrolmentResponse> {
    return {
      machineId: this.machineId,
      machineName: 'box',
      certificatePem: await this.ca.issueMachine(request.csrPem, this.machineId),
      caPem: this.ca.certificatePem,
      controlToml: this.controlToml(request.agentPort),
      data: this.dataConfig(request.checkPort, 1),
    };
  }

  private services(agentPort: number, checkPort: number): Tunnel[] {
    const [agent, check] = [`agent.${this.machineId}`, `check.${this.machineId}`];
    return [
      this.tunnel(agent, `127.0.0.1:${agentPort}`, this.ports.agent),
      this.tunnel(check, `127.0.0.1:${checkPort}`, this.ports.check),
      ...this.tunnels,
    ];
  }

  private clientToml(services: Tunnel[]): string {
    return renderClient({
      remoteAddr: `127.0.0.1:${this.ports.control}`,
      remotePublicKey: this.noise.publicKey,
      heartbeatTimeoutS: 40,
      retryIntervalS: 1,
      services: services.map(({ name, type, token, localAddr }) => ({
        name,
        type,
        token,
        localAddr,
      })),
    });
  }

  pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.serve(request, response);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/healthz') return void response.end();
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const order = JSON.parse(text) as EnrolmentRequest;
    this.requests.push(order);
    this.presentedKeys.push((await verifyCertificateRequest(order.csrPem)).publicKeySha256);
    const answer = this.answer(await this.enrolmentFor(order));
    if (!answer) return void request.socket.destroy();
    const type = answer.status < 300 ? 'application/json' : 'application/problem+json';
    response.writeHead(answer.status, { 'content-type': type }).end(JSON.stringify(answer.body));
  }
}
