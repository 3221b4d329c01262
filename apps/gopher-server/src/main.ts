import 'reflect-metadata';
import './startup/small-young-generation.js';

// Not before: what is imported fills that space already.
const { run } = await import('./startup/run.js');
await run(process.argv.slice(2));
