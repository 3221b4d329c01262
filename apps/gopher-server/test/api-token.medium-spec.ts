import { readFile, rm, stat } from 'node:fs/promises';
import { ApiToken } from '../src/api-token/api-token.entity.js';
import { ApiTokens } from '../src/api-token/api-tokens.js';
import { TestingServer } from './testing-server.js';

describe('the token of the API', () => {
  let server: TestingServer;

  beforeEach(async () => {
    server = await TestingServer.start();
  });
  afterEach(() => server.stop());

  const ask = (token: string) =>
    server.fetch('/api/v1/machines', { headers: { authorization: `Bearer ${token}` } });
  const written = async () => (await readFile(server.get(ApiTokens).file, 'utf8')).trim();

  it('is in a file that nobody else may read, and nowhere else', async () => {
    const token = await written();
    expect((await stat(server.get(ApiTokens).file)).mode & 0o777).toBe(0o600);
    expect((await ask(token)).status).toBe(200);
    const rows = await server.database.getRepository(ApiToken).find();
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  it('is the same after a start, and another when its file was removed', async () => {
    const before = await written();
    await server.restart();
    expect(await written()).toBe(before);
    await rm(server.get(ApiTokens).file);
    await server.restart();
    const after = await written();
    expect(after).not.toBe(before);
    expect([(await ask(before)).status, (await ask(after)).status]).toEqual([401, 200]);
  });
});
