import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configSha256 } from '@gopher/rathole';
import {
  committed,
  confirmed,
  inForce,
  isKnownSha256,
  type KeptConfig,
  keptConfigFile,
  takenBack,
  tryingOut,
} from './kept-config.js';

describe('the record of a configuration', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'gopher-kept-')), 'data.json');
  const pushed = (revision: string) => {
    const toml = `# ${revision}\n`;
    return { revision, toml, sha256: configSha256(toml) };
  };
  const old = { enrolment: 'e', ...pushed('5') };

  async function read(value: unknown): Promise<KeptConfig> {
    writeFileSync(path, JSON.stringify(value));
    return (await keptConfigFile(path).read())!;
  }

  it('is read as an agent without confirmations wrote it', async () => {
    expect(await read(old)).toEqual({
      ...old,
      trial: null,
      highest: '5',
      reverted: null,
      replaced: '',
      slot: 'control',
    });
  });

  it('can be read by such an agent: what is good stands where it always stood', async () => {
    expect(tryingOut(await read(old), pushed('6'))).toMatchObject(old);
  });

  it('is damaged when the good one or the trial is', async () => {
    const trial = { ...pushed('6'), toml: 'other' };
    await expect(read({ ...old, trial })).rejects.toThrow('is damaged');
    await expect(read({ ...old, toml: 'other' })).rejects.toThrow('is damaged');
  });

  it('goes from a trial to what is good, or back, and never forgets the highest', async () => {
    const trial = tryingOut(await read(old), pushed('6'));
    expect([inForce(trial).revision, trial.revision, trial.highest]).toEqual(['6', '5', '6']);
    expect(confirmed(trial)).toMatchObject({ ...pushed('6'), trial: null, highest: '6' });
    const back = takenBack(trial, 'not-taken', 'why');
    expect(back).toMatchObject({
      ...old,
      trial: null,
      highest: '6',
      reverted: { revision: '6', sha256: pushed('6').sha256, cause: 'not-taken', reason: 'why' },
    });
    expect(await read(back)).toEqual(back);
    const superseding = tryingOut(tryingOut(back, pushed('7')), pushed('8'));
    expect(superseding).toMatchObject({ ...old, trial: pushed('8'), reverted: { revision: '6' } });
    expect(confirmed(superseding).reverted).toBeNull();
    expect(committed(back, pushed('9'))).toMatchObject({ highest: '9', reverted: null });
  });

  it('knows all that a crash can have left in the file', async () => {
    const before = await read(old);
    const trial = tryingOut(before, pushed('6'));
    for (const kept of [trial, takenBack(trial, 'not-taken', ''), committed(trial, pushed('7'))]) {
      expect(isKnownSha256(kept, pushed('6').sha256)).toBe(true);
    }
    expect(isKnownSha256(committed(before, pushed('6')), old.sha256)).toBe(true);
    expect(isKnownSha256(before, pushed('6').sha256)).toBe(false);
  });
});
