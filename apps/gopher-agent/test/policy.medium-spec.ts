import { readFile, writeFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { PushFixture } from './push-fixture.js';

const INVALID = { code: status.INVALID_ARGUMENT };

describe('the policy of a machine', () => {
  let fixture: PushFixture;
  let policy: string;

  beforeAll(async () => {
    fixture = await PushFixture.open();
    policy = fixture.machine.policyFile;
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  const leadingTo = (target: string): string => {
    const { edge } = fixture.machine;
    const more = edge.tunnels.find(({ name }) => name === 'more');
    return fixture.toml('web', 'more').replace(more?.localAddr ?? '', target);
  };

  it('keeps the edge from publishing what is neither here nor on the LAN', async () => {
    const before = await fixture.file();
    const refused = fixture.push(leadingTo('203.0.113.7:80'), 5);
    await expect(refused).rejects.toMatchObject(INVALID);
    await expect(refused).rejects.toThrow(
      `The service "more" leads to 203.0.113.7:80, which the policy of this machine does not allow: ${policy}, which does not exist: preset = "lan"`,
    );
    expect(await fixture.file()).toBe(before);
    expect(await fixture.caller.status()).toMatchObject({ reverted: undefined });
  });

  it('is read for each push, and lets what runs go on', async () => {
    await writeFile(policy, '# printers\n[[allow]]\nhosts = ["192.168.7.7"]\nports = [9100]\n');
    const toml = leadingTo('192.168.7.7:9100');
    await fixture.push(toml, 30);
    await fixture.confirm(toml);
    // `web` is not in it, and is not new.
    await fixture.serving(fixture.web);
    const refused = fixture.push(leadingTo('192.168.7.7:22'), 5);
    await expect(refused).rejects.toMatchObject(INVALID);
    await expect(refused).rejects.toThrow(/line 2: \[\[allow\]\] has the host .* not port 22/);
  });

  it('refuses what is new while it can not be read, and takes the rest', async () => {
    const text = '[[allow]]\nhosts = 5\n';
    await writeFile(policy, text);
    const refused = fixture.push(leadingTo('127.0.0.1:80'), 5);
    await expect(refused).rejects.toMatchObject(INVALID);
    await expect(refused).rejects.toThrow(/policy\.toml, line 2: allow\.hosts must be a list/);
    await fixture.push(fixture.toml('web'), 0);
    await fixture.serving(fixture.web);
    expect(await readFile(policy, 'utf8')).toBe(text);
  });

  it.skipIf(process.getuid?.() === 0)('warns once when the agent could write it', async () => {
    await writeFile(policy, 'preset = "lan"\n');
    await fixture.push(leadingTo('127.0.0.1:80'), 0);
    await fixture.push(leadingTo('127.0.0.1:81'), 0);
    const warnings = fixture.machine.log.filter((line) => line.includes('can be written by'));
    expect(warnings).toHaveLength(1);
  });
});
