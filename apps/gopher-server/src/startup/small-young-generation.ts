import { setFlagsFromString } from 'node:v8';

/**
 * V8 lets the space for new objects grow to 64 MB, and keeps it: a quarter of a small edge's memory
 * for nothing that could be measured. Said here and not on the command line, so that it holds however
 * gopher-server is started; to be imported before anything that fills that space.
 */
setFlagsFromString('--semi-space-growth-factor=1');
