import { existsSync } from 'node:fs';

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
};
const LIBFAKETIME = `/usr/lib/${ARCHITECTURES[process.arch]}-linux-gnu/faketime/libfaketime.so.1`;
/** To preload, of Debian's package faketime; null where that is not installed. */
export const FAKETIME = existsSync(LIBFAKETIME) ? LIBFAKETIME : null;
