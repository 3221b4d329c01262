import { readdir, readFile } from 'node:fs/promises';
import type { KernelRoots } from './kernel-files.js';

export interface Temperature {
  /** As the kernel calls the sensor, e.g. "coretemp Package id 0". */
  sensor: string;
  celsius: number;
}

const REFRESH_MS = 5_000;
/** What is there changes when someone plugs something in. */
const LIST_MS = 60_000;
const MAX_SENSORS = 64;

interface Sensor {
  name: string;
  /** Holds thousandths of a degree. */
  file: string;
}

/**
 * The temperatures of this machine, as they were a few seconds ago. A sensor is a piece of hardware,
 * and may take its time: nobody waits for it.
 */
export class Temperatures {
  private known: Temperature[] = [];
  private refreshedAt = -Infinity;
  private listed: Sensor[] = [];
  private listedAt = -Infinity;
  private refreshing: Promise<void> | null = null;

  constructor(private readonly roots: Pick<KernelRoots, 'sys'> = { sys: '/sys' }) {}

  /** Never waits. */
  read(): Temperature[] {
    if (performance.now() - this.refreshedAt > REFRESH_MS) void this.refresh();
    return this.known;
  }

  /** One at a time: a sensor that hangs holds up one reader, not more and more of them. */
  refresh(): Promise<void> {
    this.refreshing ??= this.look().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  private async look(): Promise<void> {
    this.refreshedAt = performance.now();
    if (this.refreshedAt - this.listedAt > LIST_MS) {
      this.listed = await this.sensors();
      this.listedAt = this.refreshedAt;
    }
    const found: Temperature[] = [];
    for (const { name, file } of this.listed) {
      const celsius = Number.parseInt((await textOf(file)) ?? '', 10) / 1000;
      if (!Number.isNaN(celsius)) found.push({ sensor: name, celsius });
    }
    this.known = found;
  }

  private async sensors(): Promise<Sensor[]> {
    const chips = await this.chips();
    const zones = await this.zones();
    // The kernel shows most of its thermal zones a second time, as chips.
    const known = new Set(chips.map(({ chip }) => chip));
    const others = zones.filter(({ name }) => !known.has(name.replaceAll('-', '_')));
    return [...chips, ...others].slice(0, MAX_SENSORS);
  }

  private async chips(): Promise<(Sensor & { chip: string })[]> {
    const root = `${this.roots.sys}/class/hwmon`;
    const found: (Sensor & { chip: string })[] = [];
    for (const directory of await entriesOf(root)) {
      const chip = (await textOf(`${root}/${directory}/name`)) ?? directory;
      for (const entry of await entriesOf(`${root}/${directory}`)) {
        const [, input] = /^(temp\d+)_input$/.exec(entry) ?? [];
        if (!input) continue;
        const label = await textOf(`${root}/${directory}/${input}_label`);
        const name = label ? `${chip} ${label}` : chip;
        found.push({
          chip: chip.replaceAll('-', '_'),
          name,
          file: `${root}/${directory}/${entry}`,
        });
      }
    }
    return found;
  }

  private async zones(): Promise<Sensor[]> {
    const root = `${this.roots.sys}/class/thermal`;
    const found: Sensor[] = [];
    for (const zone of await entriesOf(root)) {
      if (!zone.startsWith('thermal_zone')) continue;
      const name = (await textOf(`${root}/${zone}/type`)) ?? zone;
      found.push({ name, file: `${root}/${zone}/temp` });
    }
    return found;
  }
}

async function entriesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory).catch(() => []);
  return entries.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, 1_000);
}

/** null when the kernel has no such file, or the hardware does not answer. */
async function textOf(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : text.trim();
}
