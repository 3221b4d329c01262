import { type ProcessSpec, ProcessSupervisor } from '../src/index.js';

/** A process of its own that supervises: argv[2] says what; then it does as it was told. */
const order = JSON.parse(process.argv[2] ?? '') as {
  directory: string;
  specs: ProcessSpec[];
  afterwards: 'stay' | 'release' | 'leave';
};
const supervisor = new ProcessSupervisor({ directory: order.directory });
const statuses = await Promise.all(order.specs.map((spec) => supervisor.start(spec)));
if (order.afterwards === 'release') await supervisor.release();
process.stdout.write(`${JSON.stringify(statuses)}\n`);
if (order.afterwards === 'stay') setInterval(() => {}, 1_000);
