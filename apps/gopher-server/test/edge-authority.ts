import { readFileSync } from 'node:fs';
import { DataSource } from 'typeorm';
import type { CertificateAuthority } from '@gopher/identity';
import type { TestEdge } from '../../../test/product/index.js';
import { dataSourceOptions } from '../src/database/data-source.options.js';
import { EdgeIdentity } from '../src/edge/edge-identity.js';
import { SecretBox } from '../src/secret/secret-box.js';
import { StateDirectory } from '../src/state/state-directory.js';

/** The CA of an edge that runs, with its key: for certificates that only time would bring about. */
export async function edgeAuthority(edge: TestEdge): Promise<CertificateAuthority> {
  const argv = readFileSync(`/proc/${edge.enginePid('postgres')}/cmdline`, 'utf8').split('\0');
  const socketDir = encodeURIComponent(argv[argv.indexOf('-k') + 1] ?? '');
  const url = `postgresql://gopher@localhost/gopher?host=${socketDir}`;
  const options = { ...dataSourceOptions(url), migrationsRun: false };
  const database = await new DataSource(options).initialize();
  try {
    const state = new StateDirectory(edge.stateDir);
    const box = new SecretBox(await state.sealingKey());
    return (await EdgeIdentity.open(database, state, box, 'edge')).ca;
  } finally {
    await database.destroy();
  }
}
