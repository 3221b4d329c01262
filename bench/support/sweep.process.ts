import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { MachineHealthSweep, type SweepResult } from '@gopher/machine';
import { createHttpApp } from '../../apps/gopher-server/src/http/create-http-app.js';
import { AgentCertificates } from '../../apps/gopher-server/src/machine/agent-certificates.js';
import { openEdgeParts } from './edge-parts.js';
import { serveParent } from './serve-parent.js';

export type SweepRequest = { does: 'open'; settings: Record<string, string> } | { does: 'sweep' };
export interface SweepResponse extends SweepResult {
  ms: number;
}

let app: INestApplicationContext;

/** The whole application, wired and not begun: no schedule, no stream, nobody who calls it. */
async function open(settings: Record<string, string>): Promise<SweepResponse> {
  app = await createHttpApp(await openEdgeParts(settings));
  await app.get(AgentCertificates).load();
  return { answered: 0, silent: 0, failed: 0, ms: 0 };
}

async function sweep(): Promise<SweepResponse> {
  const began = performance.now();
  const result = await app.get(MachineHealthSweep, { strict: false }).run();
  return { ...result, ms: performance.now() - began };
}

serveParent<SweepRequest, SweepResponse>((request) =>
  request.does === 'open' ? open(request.settings) : sweep(),
);
