import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, Repository } from 'typeorm';
import { type Check, failed, type Measured, passed, skipped, warned } from '@gopher/diagnosis';
import { AgentCertificate } from '../../enrolment/agent-certificate.entity.js';
import { EdgeCheck } from '../edge-check.js';
import type { ExaminedMachine } from '../examined-machine.js';

const DAY_MS = 86_400_000;
/** It is renewed every hour from two thirds of its life on: a day later something keeps it from it. */
const OVERDUE_MS = DAY_MS;

/** The certificate with which an agent may answer, as the edge knows it. */
@Injectable()
export class AgentCertificateCheck extends EdgeCheck<ExaminedMachine> {
  readonly id = 'agent-certificate';

  constructor(
    @InjectRepository(AgentCertificate) private readonly certificates: Repository<AgentCertificate>,
  ) {
    super();
  }

  async look({ id, agent }: ExaminedMachine): Promise<Check[]> {
    if (!agent) return [];
    const inForce = await this.certificates.find({
      where: { machineId: id, state: In(['active', 'issued']) },
      order: { notAfter: 'DESC' },
    });
    const active = inForce.find(({ state }) => state === 'active') ?? inForce[0];
    const advice = `Join the machine again: POST /api/v1/machines/${id}/join-tokens gives the command`;
    if (!active) {
      const meaning = 'Every certificate of the agent was revoked: the edge takes none for it';
      return [failed(this.id, meaning, { advice })];
    }
    return [this.judge(active, advice)];
  }

  private judge({ state, notBefore, notAfter }: AgentCertificate, joinAgain: string): Check {
    const now = Date.now();
    const day = notAfter.toISOString().slice(0, 10);
    const days = Math.trunc((notAfter.getTime() - now) / DAY_MS);
    const measured: Measured = { value: days, unit: 'days' };
    if (notAfter.getTime() <= now) {
      const meaning = `The agent's certificate expired on ${day}: the edge takes it for nobody`;
      return failed(this.id, meaning, { advice: joinAgain, measured });
    }
    if (state === 'issued') {
      return skipped(this.id, 'No agent has answered with its certificate yet', { measured });
    }
    const life = notAfter.getTime() - notBefore.getTime();
    const dueAt = notBefore.getTime() + (life * 2) / 3;
    if (now > dueAt + Math.min(OVERDUE_MS, life / 6)) {
      const meaning = `The agent's certificate expires on ${day}, and could not be renewed yet`;
      const advice =
        'It is tried every hour while the agent answers; the log of gopher-server says why it failed';
      return warned(this.id, meaning, { advice, measured });
    }
    return passed(this.id, `The agent's certificate is good until ${day}`, { measured });
  }
}
