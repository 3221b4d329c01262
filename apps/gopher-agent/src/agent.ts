import { type INestMicroservice, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type InstanceLock, ProcessSupervisor } from '@gopher/supervisor';
import { AgentModule } from './agent.module.js';
import { UsageError } from './agent.errors.js';
import type { AgentConfig } from './config/agent.config.js';
import { CertificateRenewal } from './identity/certificate-renewal.js';
import { Enrolment } from './identity/enrolment.js';
import { type EnrolmentRecord, readEnrolment } from './identity/enrolment-record.js';
import { RotatingCredentials } from './identity/rotating-credentials.js';
import { machineLogReader } from './logs/machine-log.js';
import { TargetPolicy } from './policy/target-policy.js';
import { CheckListener } from './rathole/check-listener.js';
import { EdgeContact } from './rathole/edge-contact.js';
import { RatholeBinary } from './rathole/rathole-binary.js';
import { Rathole } from './rathole/rathole.js';
import { grpcOptions } from './rpc/grpc-options.js';
import { serverNameInterceptor } from './rpc/server-name.interceptor.js';
import { StateDirectory } from './state/state-directory.js';
import { lockState } from './state/state-lock.js';

/** A running agent. When it goes, the rathole clients stay. */
export class Agent {
  private constructor(
    private readonly app: INestMicroservice,
    private readonly rathole: Rathole,
    private readonly lock: InstanceLock,
  ) {}

  /** @throws AgentError with what to do about it */
  static async start(config: AgentConfig, logger: LoggerService): Promise<Agent> {
    const state = new StateDirectory(config.stateDir);
    const enrolment = new Enrolment(state, await readEnrolment(state));
    checkPorts(config, enrolment.record);
    await state.prepare();
    const lock = await lockState(state, 'run');
    try {
      await state.tidy();
      return await Agent.open(config, enrolment, lock, logger);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Ends serving. The rathole clients go on, and the next start adopts them. */
  async stop(): Promise<void> {
    await this.app.close();
    await this.rathole.close();
    this.lock.release();
  }

  private static async open(
    config: AgentConfig,
    enrolment: Enrolment,
    lock: InstanceLock,
    logger: LoggerService,
  ): Promise<Agent> {
    const { record, state } = enrolment;
    const contact = new EdgeContact();
    const rathole = await Rathole.open(enrolment, {
      supervisor: new ProcessSupervisor({ directory: state.processDirectory, log: logger }),
      binary: new RatholeBinary(config),
      check: new CheckListener(record.checkPort),
      contact,
      policy: new TargetPolicy(config.policyFile),
    });
    const credentials = new RotatingCredentials(record.caPem, record.credentials);
    const { observer, control, data } = rathole;
    const writers = { enrolment, rathole: observer, control, data };
    const parts = {
      ...writers,
      renewal: new CertificateRenewal(enrolment, credentials),
      logs: machineLogReader(config.logs, writers),
    };
    const listen = {
      port: record.agentPort,
      credentials: credentials.forServer(),
      interceptor: serverNameInterceptor(contact),
    };
    const app = await serve(parts, listen, logger).catch(async (error: unknown) => {
      await rathole.close();
      throw error;
    });
    await rathole.start();
    return new Agent(app, rathole, lock);
  }
}

type Parts = Parameters<typeof AgentModule.register>[0];
type Listen = Parameters<typeof grpcOptions>[0];

async function serve(parts: Parts, listen: Listen, logger: LoggerService) {
  const app = await NestFactory.createMicroservice(AgentModule.register(parts), {
    ...grpcOptions(listen),
    logger,
    abortOnError: false,
  });
  try {
    await app.listen();
  } catch (cause) {
    throw portTaken('GOPHER_AGENT_PORT', listen.port, cause);
  }
  return app;
}

export function portTaken(setting: string, port: number, cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (!message.includes('EADDRINUSE')) return cause as Error;
  return new UsageError(
    `Port ${port} on 127.0.0.1 is taken by another process (ss -ltnp 'sport = :${port}' shows which). Stop that one, or enrol again with another ${setting}`,
    { cause },
  );
}

/** The edge was told these ports when the machine was enrolled. */
function checkPorts(config: AgentConfig, record: EnrolmentRecord): void {
  const wanted = [
    ['GOPHER_AGENT_PORT', config.agentPort, record.agentPort],
    ['GOPHER_AGENT_CHECK_PORT', config.checkPort, record.checkPort],
  ] as const;
  for (const [setting, now, enrolled] of wanted) {
    if (now === null || now === enrolled) continue;
    throw new UsageError(
      `${setting} is ${now}, but this machine was enrolled with ${enrolled}: remove the setting, or enrol again`,
    );
  }
}
