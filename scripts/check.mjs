// Everything that can be known without running the product. One line for each check; all of them
// run, so that one look shows everything.
import { spawnSync } from 'node:child_process';

const CHECKS = [
  ['format', ['prettier', '--check', '--log-level', 'warn', '.']],
  ['types', ['tsc', '-b']],
  ['types of tests', ['tsc', '-p', 'tsconfig.test.json']],
  ['lint', ['oxlint', '--type-aware', '--deny-warnings']],
  ['dead code', ['knip', '--no-config-hints']],
  ['dependency rules', ['depcruise', '--config', '.dependency-cruiser.mjs', 'apps', 'libs']],
  ['proto lint', ['buf', 'lint']],
];

let failed = 0;
for (const [name, [program, ...args]] of CHECKS) {
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
