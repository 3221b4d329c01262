import { Controller, UseFilters, UsePipes } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import type { Check, Outcome } from '@gopher/diagnosis';
import {
  AGENT_SERVICE_NAME,
  type AgentController as AgentCalls,
  type DiagnosticCheck,
  DiagnosticOutcome,
  type RunDiagnosticsRequest,
  type RunDiagnosticsResponse,
} from '@gopher/proto';
import { declaredBy } from '../rathole/target.controller.js';
import { RpcErrorFilter } from '../rpc/rpc-error.filter.js';
import { RpcValidationPipe } from '../rpc/rpc-validation.pipe.js';
import { Diagnosis } from './diagnosis.js';
import { runDiagnostics } from './diagnosis.schema.js';
import { clockOfCall } from './edge-clock.js';

const OUTCOMES: Record<Outcome, DiagnosticOutcome> = {
  pass: DiagnosticOutcome.PASS,
  warn: DiagnosticOutcome.WARN,
  fail: DiagnosticOutcome.FAIL,
  skip: DiagnosticOutcome.SKIP,
};

@Controller()
@UseFilters(RpcErrorFilter)
@UsePipes(RpcValidationPipe)
export class DiagnosisController implements Pick<AgentCalls, 'runDiagnostics'> {
  constructor(private readonly diagnosis: Diagnosis) {}

  @GrpcMethod(AGENT_SERVICE_NAME, 'runDiagnostics')
  async runDiagnostics(
    @Payload({ schema: runDiagnostics }) request: RunDiagnosticsRequest,
  ): Promise<RunDiagnosticsResponse> {
    const checks = await this.diagnosis.run({
      // Before it waits for its turn: the edge's time is that of the call.
      edgeClock: clockOfCall(request.edgeTime, Date.now()),
      expectedSha256: request.expectedSha256,
      declared: declaredBy(request.targets),
    });
    return { checks: checks.map(toDiagnosticCheck) };
  }
}

function toDiagnosticCheck({ measured, ...check }: Check): DiagnosticCheck {
  return {
    ...check,
    outcome: OUTCOMES[check.outcome],
    advice: check.advice ?? '',
    value: measured?.value,
    unit: measured?.unit ?? '',
    subject: check.subject ?? '',
  };
}
