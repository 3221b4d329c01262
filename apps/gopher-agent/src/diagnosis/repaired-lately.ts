import type { FoundConfig } from '../rathole/found-config.js';

/** A person who edited the file may wonder for so long why it had no effect. */
const TOLD_FOR_MS = 3_600_000;

/** Empty when nothing was found, or only long ago. */
export function repairedLately(found: FoundConfig | null): string {
  if (!found || Date.now() - Date.parse(found.foundAt) > TOLD_FOR_MS) return '';
  const where = found.keptAs ? `; what stood there is kept as ${found.keptAs}` : '';
  return `what someone wrote there was taken out at ${found.foundAt}${where}`;
}
