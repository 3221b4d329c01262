import { freemem, totalmem } from 'node:os';
import { Injectable } from '@nestjs/common';
import { type Check, checkMemory } from '@gopher/diagnosis';
import { EdgeCheck } from '../edge-check.js';

@Injectable()
export class EdgeMemoryCheck extends EdgeCheck {
  readonly id = 'edge-memory';

  /** On Linux `freemem` is what the kernel says can be had without swapping. */
  look(): Check[] {
    return [checkMemory(this.id, { totalBytes: totalmem(), availableBytes: freemem() })];
  }
}
