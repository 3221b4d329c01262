import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StateDirectory } from '../src/state/state-directory.js';
import { until } from '../../../test/product/until.js';
import { TestingServer } from './testing-server.js';

describe('a server.toml that can not be written', () => {
  let server: TestingServer;
  let folder: string;

  beforeAll(async () => {
    server = await TestingServer.start();
    folder = server.get(StateDirectory).path('rathole');
  });
  afterAll(() => server.stop());

  it('is told on the call and on the edge, and the change takes effect once it can', async () => {
    const { id: machineId } = await server.createMachine('home');
    const tunnel = { machineId, target: '127.0.0.1:80' };
    const { id } = await server.api<{ id: string }>('POST', '/tunnels', tunnel);
    await until('the tunnel is in the file', async () => (await server.serverToml()).includes(id));
    // Root may write anywhere: a file in the place of the folder stops root as well.
    await rename(folder, `${folder}.aside`);
    await writeFile(folder, '');

    const refused = await server.call(`/tunnels/${id}`, { method: 'DELETE' });
    expect(refused.status).toBe(503);
    expect(refused.body.detail).toContain(join(folder, 'server.toml'));
    expect(await problem()).toContain('does not take effect yet');

    await rm(folder);
    await mkdir(folder);
    await rm(`${folder}.aside`, { recursive: true });
    await server.createMachine('another');
    await server.api('POST', '/tunnels', tunnel);
    await until('the file is right', async () => {
      const toml = await readFile(join(folder, 'server.toml'), 'utf8');
      return toml.includes('tunnel.') && !toml.includes(id);
    });
    expect(await problem()).toBeNull();
  });

  const problem = async () =>
    (await server.api<{ rathole: { problem: string | null } }>('GET', '/edge')).rathole.problem;
});
