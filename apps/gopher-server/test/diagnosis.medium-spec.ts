import { status } from '@grpc/grpc-js';
import { type DiagnosticCheck, DiagnosticOutcome } from '@gopher/proto';
import type { Diagnosis } from '../src/diagnosis/diagnosis.schema.js';
import { TestingMachine } from './testing-machine.js';
import { TestingServer } from './testing-server.js';

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

describe('POST /machines/{id}/diagnose', () => {
  let server: TestingServer;
  let machine: TestingMachine;

  beforeAll(async () => {
    server = await TestingServer.start();
    machine = await TestingMachine.join(server, 'attic');
  });
  afterAll(async () => {
    await machine?.stop();
    await server?.stop();
  });

  const diagnose = () => server.api<Diagnosis>('POST', `/machines/${machine.id}/diagnose`);

  it('prints', async () => {
    console.log(JSON.stringify(await diagnose(), null, 1));
    machine.agent.diagnose = () => ({ checks: [finding()] });
    await new Promise((r) => setTimeout(r, 1100));
    console.log(JSON.stringify(await diagnose(), null, 1));
    void status;
  });
});
