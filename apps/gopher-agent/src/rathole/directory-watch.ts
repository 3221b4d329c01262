import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Tells of changes to one file through its directory, which may itself go and come again. */
export class DirectoryWatch {
  private watcher: FSWatcher | null = null;
  private inode = 0;

  constructor(
    private readonly path: string,
    private readonly onEvent: () => void,
  ) {}

  /** Watches the directory that is there now; does nothing when it does so already. */
  renew(): void {
    const directory = dirname(this.path);
    const inode = statSync(directory, { throwIfNoEntry: false })?.ino ?? 0;
    if (this.watcher && inode === this.inode) return;
    this.close();
    if (inode === 0) return;
    this.inode = inode;
    this.watcher = watch(directory, { persistent: false }, (_event, name) => {
      if (name === null || name === basename(this.path) || name === basename(directory)) {
        this.onEvent();
      }
    });
    this.watcher.on('error', () => this.close());
  }

  close(): void {
    this.watcher?.close();
    this.watcher = null;
  }
}
