// Everything that can be known without running the product. One line for each check; all of them
// run, so that one look shows everything.
import { spawnSync } from 'node:child_process';

const CHECKS = [
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'types', command: ['tsc', '-b'] },
  { name: 'types of tests', command: ['tsc', '-p', 'tsconfig.test.json'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'dead code', command: ['knip', '--no-config-hints'] },
  {
    name: 'dependency rules',
    command: ['depcruise', '--config', '.dependency-cruiser.mjs', 'apps', 'libs'],
  },
  { name: 'proto lint', command: ['buf', 'lint'] },
];

let failed = 0;
for (const { name, command } of CHECKS) {
  const [program, ...args] = command;
  const begun = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const ok = status === 0;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (ok) continue;
  failed += 1;
  console.log([stdout, stderr, error?.message].filter(Boolean).join('\n').trimEnd());
}
process.exitCode = failed === 0 ? 0 : 1;
