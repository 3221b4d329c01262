import { createServer } from 'node:net';
import { once } from 'node:events';
import { CertificateAuthority, certificateSha256, generatePrivateKey } from '@gopher/identity';
import { AgentUnreachableError } from '@gopher/machine';
import { agentIdentity, type AgentIdentity } from '../../../test/product/fake-agent.js';
import { until } from '../../../test/product/until.js';
import { AgentCertificate } from '../src/enrolment/agent-certificate.entity.js';
import { JoinToken } from '../src/enrolment/join-token.entity.js';
import { GrpcAgentClient } from '../src/machine/grpc-agent-client.js';
import { TestingServer } from './testing-server.js';

describe('who answers for a machine', () => {
  let server: TestingServer;
  let machines = 0;

  beforeAll(async () => {
    server = await TestingServer.start();
  });

  afterAll(() => server.stop());

  it('is the agent that enrolled', async () => {
    const { id } = await server.joinedMachine(`machine-${++machines}`);
    expect(await server.agentStatus(id)).toBe('up');
  });
});
