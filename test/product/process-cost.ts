import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** What a process holds and has used, as the kernel counts it. */
export class ProcessCost {
  constructor(private readonly pid: number) {}

  /** MB: all, and what is its own. */
  memory(): { resident: number; anonymous: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const megabytes = (field: string) =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024;
    return { resident: megabytes('VmRSS'), anonymous: megabytes('RssAnon') };
  }

  /** Seconds of CPU time so far. */
  cpu(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Bytes that it read from anywhere so far. */
  bytesRead(): number {
    const io = readFileSync(`/proc/${this.pid}/io`, 'latin1');
    return Number(/^rchar: (\d+)/m.exec(io)?.[1]);
  }

  /** Everything that could be left behind. */
  handles(): { files: string[]; watches: number; children: number } {
    const directory = `/proc/${this.pid}/fd`;
    const files: string[] = [];
    let watches = 0;
    for (const fd of readdirSync(directory)) {
      try {
        const link = readlinkSync(`${directory}/${fd}`);
        files.push(link.replace(/:\[\d+\]$/, ''));
        if (!link.includes('inotify')) continue;
        const info = readFileSync(`/proc/${this.pid}/fdinfo/${fd}`, 'latin1');
        watches += info.split('\n').filter((line) => line.startsWith('inotify')).length;
      } catch {
        // It was closed while this looked.
      }
    }
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'latin1');
    return {
      files: files.sort(),
      watches,
      children: children.split(' ').filter((pid) => pid !== '').length,
    };
  }
}
