import { stat, statfs } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import type { FileSystem } from '@gopher/diagnosis';
import { ServerConfig } from '../config/server.config.js';
import { postgresRoot } from '../database/postgres-home.js';

/** Where this edge keeps what it could not do without. */
@Injectable()
export class EdgeFolders {
  constructor(private readonly config: ServerConfig) {}

  /** Each filesystem once, named by the first folder on it. */
  async fileSystems(): Promise<FileSystem[]> {
    const { stateDir, databaseDir, databaseUrl } = this.config;
    const folders = [{ path: stateDir, keeps: "the edge's state" }];
    if (databaseUrl === undefined) {
      folders.push({ path: postgresRoot(stateDir, databaseDir), keeps: 'the database' });
    }
    const found = new Map<number, FileSystem>();
    for (const { path, keeps } of folders) {
      const { dev } = await stat(path);
      const known = found.get(dev);
      if (known) known.keeps = `${known.keeps} and ${keeps}`;
      else found.set(dev, { ...(await usage(path)), keeps });
    }
    return [...found.values()];
  }
}

async function usage(path: string): Promise<Omit<FileSystem, 'keeps'>> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(path);
  return {
    mountPoint: path,
    totalBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    totalInodes: files === 0 ? null : files,
    availableInodes: files === 0 ? null : ffree,
  };
}
