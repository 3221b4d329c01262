import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Temperatures } from './temperatures.js';

describe(Temperatures.name, () => {
  let sys: string;

  beforeEach(async () => {
    sys = await mkdtemp(join(tmpdir(), 'gopher-sys-'));
  });
  afterEach(() => rm(sys, { recursive: true }));

  async function write(files: Record<string, string>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      const file = join(sys, 'class', path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, `${text}\n`);
    }
  }

  async function read() {
    const temperatures = new Temperatures({ sys });
    await temperatures.refresh();
    return temperatures.read();
  }

  it('is empty where there is no sensor', async () => {
    expect(await read()).toEqual([]);
  });

  it('names each sensor as the kernel does, and one that shows twice once', async () => {
    await write({
      'hwmon/hwmon0/name': 'coretemp',
      'hwmon/hwmon0/temp1_label': 'Package id 0',
      'hwmon/hwmon0/temp1_input': '45500',
      'hwmon/hwmon0/temp2_input': '-1250',
      'hwmon/hwmon0/fan1_input': '1200',
      'hwmon/hwmon1/name': 'cpu_thermal',
      'hwmon/hwmon1/temp1_input': '51000',
      'thermal/thermal_zone0/type': 'cpu-thermal',
      'thermal/thermal_zone0/temp': '51000',
      'thermal/thermal_zone1/type': 'gpu-thermal',
      'thermal/thermal_zone1/temp': '49000',
      'thermal/cooling_device0/type': 'Fan',
    });
    expect(await read()).toEqual([
      { sensor: 'coretemp Package id 0', celsius: 45.5 },
      { sensor: 'coretemp', celsius: -1.25 },
      { sensor: 'cpu_thermal', celsius: 51 },
      { sensor: 'gpu-thermal', celsius: 49 },
    ]);
  });

  it('leaves out a sensor that does not answer', async () => {
    await write({ 'hwmon/hwmon0/name': 'nvme', 'hwmon/hwmon0/temp2_input': '30000' });
    await mkdir(join(sys, 'class/hwmon/hwmon0/temp1_input'));
    expect(await read()).toEqual([{ sensor: 'nvme', celsius: 30 }]);
  });
});
