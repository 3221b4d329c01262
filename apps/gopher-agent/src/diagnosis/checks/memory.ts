import { checkMemory } from '@gopher/diagnosis';
import type { Examination } from '../examination.js';

export const memory: Examination = {
  ids: ['memory'],
  examine: (situation) => [checkMemory('memory', situation.memory)],
};
