import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, UsageError } from './trial.errors.js';

const databaseHome = z.object({ dataDir: z.string(), socketDir: z.string() });

const enrolment = z.object({
  machineId: z.string(),
  caFingerprint: z.string(),
  apiUrl: z.string(),
  ratholeAddress: z.string(),
  agentPort: z.int(),
  checkPort: z.int(),
});
/** What an agent was enrolled with: with anything else it has to be enrolled again. */
export type Enrolment = z.output<typeof enrolment>;

const memory = z.object({
  /** What the sample page says, so that no other page is taken for it. */
  marker: z.string(),
  machineId: z.string().nullable(),
  tunnelId: z.string().nullable(),
  enrolment: enrolment.nullable(),
  /** Where PostgreSQL keeps its own; as root that may be outside of the directory. */
  database: databaseHome.nullable(),
});
export type Memory = z.output<typeof memory>;

const OURS = ['server', 'agent', 'trial'];

/** Everything that one trial keeps. */
export class TrialDirectory {
  constructor(readonly root: string) {}

  /** gopher-server's state. */
  get server(): string {
    return join(this.root, 'server');
  }

  /** gopher-agent's state. */
  get agent(): string {
    return join(this.root, 'agent');
  }

  /** The trial's own: logs, pid files, the lock. */
  get trial(): string {
    return join(this.root, 'trial');
  }

  get tokenFile(): string {
    return join(this.server, 'api-token');
  }

  /** What was printed when everything ran: whoever starts while it runs prints it again. */
  get summaryFile(): string {
    return join(this.trial, 'summary.json');
  }

  private get memoryFile(): string {
    return join(this.trial, 'memory.json');
  }

  /** @throws UsageError when the directory is somebody else's, or can not be made */
  async prepare(isDefault: boolean): Promise<void> {
    const found = await readdir(this.root).catch((): string[] => []);
    if (!isDefault && found.length > 0 && !found.includes('trial')) {
      throw new UsageError(
        `GOPHER_TRIAL_DIR is ${this.root}, which holds other things; name a new directory`,
      );
    }
    try {
      for (const directory of [this.root, this.server, this.trial]) {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await chmod(directory, 0o700);
      }
    } catch (cause) {
      const problem = `The trial can not keep its files in ${this.root}: ${messageOf(cause)}`;
      throw new UsageError(`${problem}. GOPHER_TRIAL_DIR names another directory`, { cause });
    }
  }

  async recall(): Promise<Memory> {
    const text = await readFile(this.memoryFile, 'utf8').catch(() => '{}');
    const parsed = memory.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    const marker = randomBytes(16).toString('hex');
    return { marker, machineId: null, tunnelId: null, enrolment: null, database: null };
  }

  async remember(memory: Memory): Promise<void> {
    await writeWhole(this.memoryFile, `${JSON.stringify(memory, null, 2)}\n`);
  }

  async writeSummary(text: string): Promise<void> {
    await writeWhole(this.summaryFile, text);
  }

  /** null: it does not run, or not yet. */
  async readSummary(): Promise<string | null> {
    return readFile(this.summaryFile, 'utf8').catch(() => null);
  }

  async removeSummary(): Promise<void> {
    await rm(this.summaryFile, { force: true });
  }

  async removeAgent(): Promise<void> {
    await rm(this.agent, { recursive: true, force: true });
  }

  /** Only what a trial makes: the directory may have been chosen badly. */
  async purge(): Promise<void> {
    for (const name of OURS) await rm(join(this.root, name), { recursive: true, force: true });
    await rmdir(this.root).catch(() => {}); // with something else inside it stays
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.new`;
  await writeFile(beside, text, { mode: 0o600 });
  await rename(beside, path);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
