import 'reflect-metadata';
import './startup/small-heap.js';
import './startup/without-fetch.js';

// Not before: what is imported fills the heap already.
const { run } = await import('./startup/run.js');
await run(process.argv.slice(2));
