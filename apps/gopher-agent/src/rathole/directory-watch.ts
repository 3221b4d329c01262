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
    try {
      this.watcher = this.watchNow(directory);
    } catch {
      // The kernel has no more of them to give: whoever owns this looks now and then anyway.
      this.watcher = null;
    }
  }

  close(): void {
    this.watcher?.close();
    this.watcher = null;
  }

  private watchNow(directory: string): FSWatcher {
    const watcher = watch(directory, { persistent: false }, (_event, name) => {
      if (name === null || name === basename(this.path) || name === basename(directory)) {
        this.onEvent();
      }
    });
    return watcher.on('error', () => this.close());
  }
}
