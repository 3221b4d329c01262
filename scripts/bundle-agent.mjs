import { build } from 'esbuild';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Makes of the agent what a machine fetches, and what costs it the least memory: `gopher-agent.mjs`,
 * which is run, and a folder `gopher-agent` beside it. There each `import()` finds a file of its own,
 * so that what is rarely needed costs nothing before. Works on what tsc wrote, since esbuild knows
 * nothing of the metadata that Nest's decorators need.
 */
const NAME = 'gopher-agent';
const app = new URL('../apps/gopher-agent/', import.meta.url);
const dist = fileURLToPath(new URL('dist/', app));
const { version } = JSON.parse(await readFile(new URL('package.json', app), 'utf8'));

/** Asked for only where they are used, and the agent uses none of them. */
const UNUSED = [
  '@grpc/proto-loader',
  '@nestjs/platform-express',
  '@nestjs/platform-socket.io',
  '@nestjs/websockets',
  '@nestjs/websockets/socket-module.js',
  '@fastify/static',
  'class-transformer',
  'class-validator',
  'amqp-connection-manager',
  'amqplib',
  'ioredis',
  'kafkajs',
  'mqtt',
  '@nats-io/transport-node',
  'nats',
];

/** @type {(path: RegExp, edit: (text: string) => string) => import('esbuild').Plugin} */
const edited = (path, edit) => ({
  name: `edit ${path.source}`,
  setup: (plugin) =>
    plugin.onLoad({ filter: path }, async ({ path: file }) => ({
      contents: edit(await readFile(file, 'utf8')),
      loader: 'js',
    })),
});

function replaced(text, from, to) {
  if (!text.includes(from)) throw new Error(`Nest changed: ${from} is not there any more`);
  return text.replaceAll(from, to);
}

/** Nest requires these by name when it runs, where a bundle has no node_modules to find them in. */
const grpcInside = edited(/microservices\/server\/server-grpc\.js$/, (text) => {
  const withGrpc = replaced(text, "createRequire(import.meta.url)('@grpc/grpc-js')", 'bundledGrpc');
  // The loader of .proto files is big, and the agent's definitions are compiled.
  const withoutLoader = replaced(withGrpc, 'createRequire(import.meta.url)(protoLoader)', '({})');
  return `import * as bundledGrpc from '@grpc/grpc-js';\n${withoutLoader}`;
});

/** The words for errors in fifty languages; English is imported beside them. */
const englishOnly = edited(/zod\/v4\/locales\/index\.js$/, () => 'export {};');

/** Its CommonJS, which it offers to Node, cannot be cut down to what is used. */
const rxjsAsModules = {
  name: 'rxjs as modules',
  setup: (plugin) =>
    plugin.onResolve({ filter: /^rxjs(\/operators)?$/ }, ({ path }) => {
      const folder = path.replace('rxjs', 'rxjs/dist/esm');
      const file = new URL(`../node_modules/${folder}/index.js`, import.meta.url);
      return { path: fileURLToPath(file), sideEffects: false };
    }),
};

/**
 * An ES import of node:http reads all that it exports, and with that loads the whole of fetch:
 * 4 MB for nothing. A require leaves alone what nobody asks for. And each file of ours that imports it
 * gets a getter for each of its own properties: an object that inherits them all has none, and that
 * saves 2 MB. (What a default import gives would be that object; a class has to stay itself.)
 */
const nodeByRequire = {
  name: 'node by require',
  setup: (plugin) => {
    const filter = new RegExp(`^(node:)?(${builtinModules.join('|')})$`);
    plugin.onResolve({ filter }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path, namespace: 'node' },
    );
    plugin.onLoad({ filter: /.*/, namespace: 'node' }, ({ path }) => ({
      contents: `const real = require(${JSON.stringify(path)});
        module.exports = typeof real === 'function' ? real : Object.create(real);`,
    }));
  },
};

const started = performance.now();
const { metafile } = await build({
  entryPoints: { [NAME]: join(dist, 'main.js') },
  outdir: dist,
  outExtension: { '.js': '.mjs' },
  chunkNames: `${NAME}/[name]-[hash]`,
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Shorter names would cost memory, not save it: V8 keeps more for the file that comes of it.
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  external: UNUSED,
  // CommonJS packages inside an ES module still call require for what Node brings.
  banner: {
    js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);",
  },
  plugins: [grpcInside, englishOnly, rxjsAsModules, nodeByRequire],
  define: { GOPHER_AGENT_VERSION: JSON.stringify(version) },
});
await removeOld(Object.keys(metafile.outputs));
const seconds = ((performance.now() - started) / 1000).toFixed(1);
const sizes = Object.values(metafile.outputs).map(({ bytes }) => bytes);
const total = (sizes.reduce((sum, bytes) => sum + bytes, 0) / 1024).toFixed(0);
console.log(`gopher-agent ${version}: ${sizes.length} files, ${total} KB, bundled in ${seconds} s`);
if (process.argv.includes('--list')) {
  for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
    console.log(`${String(bytes).padStart(9)} ${path}`);
  }
  listLargest(metafile);
}

/** Not those of the last day: an agent that runs while it is built anew may still ask for them. */
async function removeOld(outputs) {
  const current = new Set(outputs.map((path) => basename(path)));
  for (const name of await readdir(join(dist, NAME))) {
    const path = join(dist, NAME, name);
    const { mtimeMs } = await stat(path);
    if (!current.has(name) && Date.now() - mtimeMs > 24 * 3_600_000) await rm(path);
  }
}

function listLargest({ outputs }) {
  const sizes = new Map();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'gopher';
      sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
    }
  }
  const largest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 30);
  for (const [name, size] of largest) console.log(`${String(size).padStart(9)} ${name}`);
}
