import { appendFile, readFile, stat } from 'node:fs/promises';
import { PushFixture } from './push-fixture.js';

const ADDED = `
# my printer
[client.services.printer]
type = "tcp"
token = "not-for-anyone-else"
local_addr = "192.168.1.9:9100"
`;

describe('what someone writes into the file of the data client', () => {
  it('is told with its services, without its tokens, and still after a restart', async () => {
    await using fixture = await PushFixture.open();
    const { machine } = fixture;
    expect((await fixture.caller.status()).found).toBeUndefined();
    const good = await fixture.file();
    const stream = fixture.caller.watch();
    await appendFile(machine.file('rathole', 'data.toml'), ADDED);
    const { found } = await stream.until('found', (status) => status.found !== undefined);
    expect(found).toMatchObject({
      lines: [
        '# my printer',
        '[client.services.printer]',
        'type = "tcp"',
        'token = ***',
        'local_addr = "192.168.1.9:9100"',
      ].filter((line) => !good.includes(line)),
      services: [{ name: 'printer', type: 'tcp', localAddr: '192.168.1.9:9100' }],
    });
    expect(found!.foundAt!.getTime()).toBeGreaterThan(Date.now() - 10_000);
    expect(await readFile(found!.keptAs, 'utf8')).toBe(good + ADDED);
    await vi.waitFor(async () => expect(await fixture.file()).toBe(good));
    stream.cancel();

    expect((await stat(machine.file('found.json'))).mode & 0o777).toBe(0o600);
    await machine.kill('SIGKILL');
    await fixture.restartAgent();
    expect((await fixture.caller.status()).found).toEqual(found);

    await appendFile(machine.file('rathole', 'data.toml'), '# once more\n');
    await vi.waitFor(
      async () => {
        expect((await fixture.caller.status()).found?.lines).toEqual(['# once more']);
      },
      { timeout: 5_000 },
    );
    expect(machine.log.join()).not.toContain('not-for-anyone-else');
    await fixture.serving(fixture.web);
  });

  it('is not what a push that a crash cut off left there', async () => {
    await using fixture = await PushFixture.open();
    const toml = fixture.toml('web', 'more');
    await fixture.push(toml, 30);
    await fixture.machine.kill('SIGKILL');
    await fixture.restartAgent();
    expect(await fixture.caller.status()).toMatchObject({ found: undefined });
    expect(await fixture.file()).toBe(fixture.toml('web'));
  });
});
