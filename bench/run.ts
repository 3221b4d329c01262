// npm run bench: makes bench/dist of what is here, then runs it. Node takes the types off by itself,
// but neither finds a .ts file by the name of the .js file that comes of it nor knows parameter
// properties, which test/product has.
import { build, type Plugin } from 'esbuild';
import { fileURLToPath } from 'node:url';
import type { main } from './main.js';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Apps are measured as they were built. */
const built: Plugin = {
  name: 'apps as built',
  setup: (plugin) =>
    plugin.onResolve({ filter: /\/apps\/[\w-]+\/src\// }, ({ path }) => ({
      // bench/dist lies as deep as bench/support.
      path: path.replace(/^.*\/(apps\/[\w-]+)\/src\//, '../../$1/dist/'),
      external: true,
    })),
};

await build({
  entryPoints: [
    'main.ts',
    ...['fleet', 'strangers', 'sweep'].map((name) => `support/${name}.process.ts`),
  ].map(path),
  entryNames: '[name]',
  outdir: path('dist'),
  outExtension: { '.js': '.mjs' },
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node24',
  format: 'esm',
  logLevel: 'warning',
  plugins: [built],
});
const bench = (await import(path('dist/main.mjs'))) as { main: typeof main };
await bench.main(process.argv.slice(2));
