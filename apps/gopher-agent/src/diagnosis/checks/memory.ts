import { checkMemory } from '@gopher/diagnosis';
import type { Examination } from '../examination.js';

export const memory: Examination = {
  ids: ['memory'],
  examine: ({ system }) => {
    const { totalBytes = 0, availableBytes = 0 } = system.read().memory ?? {};
    return [checkMemory('memory', { totalBytes, availableBytes })];
  },
};
