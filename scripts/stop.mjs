import { stopTrial } from './setup/stop-trial.mjs';

await stopTrial(process.argv.slice(2));
