import { Injectable } from '@nestjs/common';
import type { Check } from '@gopher/diagnosis';
import { RatholeServer } from '../../edge/rathole/rathole-server.js';
import { EdgeCheck } from '../edge-check.js';

@Injectable()
export class RatholeCapabilitiesCheck extends EdgeCheck {
  readonly id = 'edge-rathole-capabilities';
  readonly leg = 'edge';

  constructor(private readonly rathole: RatholeServer) {
    super();
  }

  look(): Check[] {
    const { version, lacks, restartNeeded } = this.rathole.status();
    const subject = 'rathole server';
    if (version === null) {
      const meaning = 'What rathole can do is not known: its version could not be told';
      return [this.found('skip', { meaning, subject })];
    }
    if (lacks.length === 0) {
      const meaning = `rathole ${version} has all of Gopher's patches`;
      return [this.found('pass', { meaning, subject })];
    }
    const lines = lacks.map(({ lacking }) => `- ${lacking}`);
    return [
      this.found('warn', {
        subject,
        measured: { value: lacks.length, unit: 'count' },
        meaning: [`rathole ${version} on the edge lacks some of Gopher's patches:`, ...lines].join(
          '\n',
        ),
        advice: restartNeeded
          ? 'A newer one is there: it is used once rathole is started again'
          : 'Build the patched one with npm run rathole, then start rathole again',
      }),
    ];
  }
}
