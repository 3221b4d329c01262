// Generates the code of libs/proto anew from its .proto files.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const AGENT = new URL('../libs/proto/src/gen/gopher/agent/v1/agent.ts', import.meta.url);

const { status } = spawnSync('buf', ['generate'], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// ts-proto registers Date with protobufjs, for users of its dynamic messages. The code that was
// generated here encodes by itself, and plain Node cannot import that module this way.
const lines = readFileSync(AGENT, 'utf8').split('\n');
const begin = lines.findIndex((line) => line.startsWith('wrappers['));
const end = lines.findIndex((line, i) => i >= begin && line.startsWith('}'));
if (begin >= 0) lines.splice(begin, end - begin + 2);
const kept = lines.filter((line) => !line.includes('from "protobufjs"'));
writeFileSync(AGENT, kept.join('\n'));
