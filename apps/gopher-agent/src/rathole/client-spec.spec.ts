import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runsClientOf } from './client-spec.js';

describe(runsClientOf.name, () => {
  const directory = mkdtempSync(join(tmpdir(), 'gopher-spec-'));
  const file = join(directory, 'client.toml');
  writeFileSync(file, '');
  symlinkSync(directory, `${directory}-link`);
  const recognises = runsClientOf(file);
  const uid = process.getuid?.() ?? 0;
  const process_ = (argv: string[], cwd: string | null = '/') => ({ pid: 1, uid, argv, cwd });

  it.each([
    ['with its path', ['rathole', file]],
    ['as a client', ['/usr/bin/rathole', '--client', file]],
    ['with the flag behind', ['rathole-0.5', file, '-c']],
    ['through a link', ['rathole', `${directory}-link/client.toml`]],
  ])('knows a client that was started %s', (_how, argv) => {
    expect(recognises(process_(argv))).toBe(true);
  });

  it('resolves a relative path against the directory of the process', () => {
    expect(recognises(process_(['rathole', 'client.toml'], directory))).toBe(true);
    expect(recognises(process_(['rathole', 'client.toml'], '/'))).toBe(false);
    expect(recognises(process_(['rathole', 'client.toml'], null))).toBe(false);
  });

  it.each([
    ['an editor of the file', ['vim', file]],
    ['a server', ['rathole', '--server', file]],
    ['a client of another file', ['rathole', '--client', `${file}.old`]],
    ['one without a file', ['rathole', '--version']],
    ['a kernel thread', []],
  ])('does not take %s for it', (_what, argv) => {
    expect(recognises(process_(argv))).toBe(false);
  });
});
