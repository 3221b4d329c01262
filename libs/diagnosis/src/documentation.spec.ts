import { readFileSync } from 'node:fs';
import { CHECKS } from './check-ids.js';
import {
  DISK_FAILS_BELOW_BYTES,
  DISK_WARNS_BELOW_RATIO,
  INODES_FAIL_BELOW,
  INODES_WARN_BELOW_RATIO,
  MEMORY_FAILS_BELOW_RATIO,
  MEMORY_WARNS_BELOW_RATIO,
} from './resources.js';

const PAGE = readFileSync(new URL('../../../docs/diagnosis.md', import.meta.url), 'utf8');
const sections = PAGE.split(/^### /m).slice(1);

/** What stands below the heading of a check, in one line. */
const section = (id: string): string =>
  sections.find((text) => text.startsWith(`\`${id}\``))?.replaceAll(/\s+/g, ' ') ?? '';
const percent = (ratio: number) => `${ratio * 100} %`;

describe('docs/diagnosis.md', () => {
  it('has each check once, in causal order', () => {
    const ids = sections.map((text) => /^`([^`]+)`/.exec(text)?.[1]);
    expect(ids).toEqual(CHECKS.map(({ id }) => id));
  });

  it.each(CHECKS)('says of $id where it belongs and who makes it', ({ id, leg, side }) => {
    expect(section(id)).toContain(`_${leg}, made by the ${side}._`);
  });

  it('has the thresholds that are in force', () => {
    for (const id of ['disk', 'edge-disk']) {
      expect(section(id)).toContain(`elow ${percent(DISK_WARNS_BELOW_RATIO)}`);
      expect(section(id)).toContain(`below ${DISK_FAILS_BELOW_BYTES / 1024 ** 2} MiB`);
    }
    for (const id of ['inodes', 'edge-inodes']) {
      expect(section(id)).toContain(`elow ${percent(INODES_WARN_BELOW_RATIO)}`);
      expect(section(id)).toContain(`below ${INODES_FAIL_BELOW} it fails`);
    }
    for (const id of ['memory', 'edge-memory']) {
      expect(section(id)).toContain(`elow ${percent(MEMORY_WARNS_BELOW_RATIO)} it warns`);
      expect(section(id)).toContain(`below ${percent(MEMORY_FAILS_BELOW_RATIO)} it fails`);
    }
  });
});
