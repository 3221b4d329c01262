import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Makes one file of the agent: what a machine fetches, and what costs it the least memory. Works on
 * what tsc wrote, since esbuild knows nothing of the metadata that Nest's decorators need.
 */
const app = new URL('../apps/gopher-agent/', import.meta.url);
const dist = (name) => fileURLToPath(new URL(`dist/${name}`, app));
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

/** Needed twice in three months, and as big as a fifth of the rest: a file of its own. */
const IDENTITY = 'gopher-agent-identity.mjs';
const identityOutside = {
  name: 'identity outside',
  setup: (plugin) =>
    plugin.onResolve({ filter: /^@gopher\/identity$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: `./${IDENTITY}`, external: true } : null,
    ),
};

/**
 * An ES import of node:http reads all that it exports, and with that loads the whole of fetch:
 * 4 MB for nothing. A require leaves alone what nobody asks for.
 */
const nodeByRequire = {
  name: 'node by require',
  setup: (plugin) => {
    const filter = new RegExp(`^(node:)?(${builtinModules.join('|')})$`);
    plugin.onResolve({ filter }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path, namespace: 'node' },
    );
    plugin.onLoad({ filter: /.*/, namespace: 'node' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

const started = performance.now();
const common = {
  bundle: true,
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
};
const results = await Promise.all([
  build({
    ...common,
    entryPoints: [fileURLToPath(new URL('dist/main.js', app))],
    outfile: dist('gopher-agent.mjs'),
    plugins: [grpcInside, englishOnly, identityOutside, nodeByRequire],
    define: { GOPHER_AGENT_VERSION: JSON.stringify(version) },
  }),
  build({
    ...common,
    entryPoints: [fileURLToPath(new URL('../libs/identity/dist/index.js', import.meta.url))],
    outfile: dist(IDENTITY),
    plugins: [nodeByRequire],
  }),
]);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
for (const { metafile } of results) {
  for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
    console.log(`gopher-agent ${version}: ${path} (${(bytes / 1024).toFixed(0)} KB)`);
  }
  if (process.argv.includes('--list')) listLargest(metafile);
}
console.log(`bundled in ${seconds} s`);

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
