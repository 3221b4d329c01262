import { CommandFailedError, runCommand } from '../src/index.js';

describe(runCommand.name, () => {
  it('resolves with what the program printed', async () => {
    expect(await runCommand('/bin/echo', ['a', '$HOME; b'], { timeoutMs: 5_000 })).toBe(
      'a $HOME; b\n',
    );
  });

  it('gives the program nothing of our environment', async () => {
    process.env['GOPHER_SECRET_OF_THE_TEST'] = 'x';
    const printed = await runCommand('/usr/bin/env', [], { timeoutMs: 5_000, env: { A: '1' } });
    expect(printed).toContain('A=1');
    expect(printed).not.toContain('GOPHER_SECRET');
    delete process.env['GOPHER_SECRET_OF_THE_TEST'];
  });

  it('fails with the exit code and the end of what it said', async () => {
    const failing = runCommand('/bin/ls', ['/no-such-folder'], { timeoutMs: 5_000 });
    await expect(failing).rejects.toThrow(CommandFailedError);
    await expect(failing).rejects.toThrow(/exit code 2[^]*no-such-folder/);
  });

  it('fails when the program is missing', async () => {
    await expect(runCommand('/no/such/program', [], { timeoutMs: 5_000 })).rejects.toThrow(
      /ENOENT/,
    );
  });

  it('kills what takes too long', async () => {
    const slow = runCommand('/bin/sleep', ['60'], { timeoutMs: 100 });
    await expect(slow).rejects.toThrow(/longer than 100 ms/);
  });
});
