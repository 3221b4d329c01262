import { hostname } from 'node:os';
import pg from 'pg';

const RETRY_MS = 1_000;

export class EdgeLockedError extends Error {
  override readonly name = 'EdgeLockedError';
  constructor(holder: string) {
    super(
      `Another gopher-server looks after this edge: ${holder}. Two would undo each other's work; ` +
        'stop that one first',
    );
  }
}

/**
 * One active gopher-server for each edge, wherever its state directory was copied to: a lock in the
 * database, held by a connection of its own for as long as this process runs.
 */
export class EdgeLock {
  private client: pg.Client | null = null;
  private released = false;

  private constructor(
    private readonly url: string,
    private readonly edgeId: string,
    /** The connection was lost and somebody else took the edge meanwhile. */
    private readonly onLost: (error: EdgeLockedError) => void,
  ) {}

  /** @throws EdgeLockedError saying who holds it. */
  static async acquire(
    url: string,
    edgeId: string,
    onLost: (error: EdgeLockedError) => void,
  ): Promise<EdgeLock> {
    const lock = new EdgeLock(url, edgeId, onLost);
    await lock.take();
    return lock;
  }

  async release(): Promise<void> {
    this.released = true;
    await this.client?.end().catch(() => {});
  }

  private async take(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: `gopher-server ${process.pid} on ${hostname()}`.slice(0, 63),
      keepAlive: true,
    });
    let lost = false;
    client.on('error', () => {
      if (lost) return;
      lost = true;
      void this.takeAgain();
    });
    await client.connect();
    const { rows } = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(hashtext('gopher-edge'), hashtext($1)) AS "locked"`,
      [this.edgeId],
    );
    if (!rows[0]?.locked) {
      const holder = await this.holder(client);
      lost = true;
      await client.end();
      throw new EdgeLockedError(holder);
    }
    this.client = client;
  }

  /** The database went away and took the lock along. */
  private async takeAgain(): Promise<void> {
    while (!this.released) {
      try {
        return await this.take();
      } catch (error) {
        if (error instanceof EdgeLockedError) return this.onLost(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }

  private async holder(client: pg.Client): Promise<string> {
    const { rows } = await client.query<{ who: string }>(
      `SELECT a."application_name" || ', since ' || a."backend_start"::text AS "who"
       FROM pg_locks l JOIN pg_stat_activity a USING ("pid")
       WHERE l."locktype" = 'advisory' AND l."granted" AND l."objsubid" = 2
         AND l."classid"::bigint = (hashtext('gopher-edge')::bigint & 4294967295)
         AND l."objid"::bigint = (hashtext($1)::bigint & 4294967295)`,
      [this.edgeId],
    );
    return rows[0]?.who ?? 'one that just ended';
  }
}
