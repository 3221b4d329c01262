import 'reflect-metadata';
import { run } from './startup/run.js';

await run(process.argv.slice(2));
