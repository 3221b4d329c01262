import { checkMemory, skipped } from '@gopher/diagnosis';
import type { Examination } from '../examination.js';

export const memory: Examination = {
  ids: ['memory'],
  examine: (situation) => [
    situation.memory
      ? checkMemory('memory', situation.memory)
      : skipped('memory', 'The kernel does not say how much memory there is'),
  ],
};
