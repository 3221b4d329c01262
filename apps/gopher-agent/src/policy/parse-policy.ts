import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { parseHostPort } from '@gopher/rathole';
import { isRange } from './address-ranges.js';
import { type Policy, type PortRange, PRESETS, presetPolicy, rulesPolicy } from './policy.js';

/** Says what is wrong with a policy file, with the line. */
export class PolicyFileError extends Error {}

const HOST = 'must be an address, a block like "10.0.0.0/8" or a name';
const PORTS = 'must be a port or a range like "8000-8999", from 1 to 65535';

const host = z
  .string({ error: HOST })
  .refine((text) => isRange(text) || parseHostPort(`${text}:1`)?.host === text, HOST);

const ports = z.union([z.int(), z.string()], { error: PORTS }).transform((value, context) => {
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value)) ?? [];
  const range: PortRange = { first: Number(first), last: Number(last ?? first) };
  if (range.first >= 1 && range.first <= range.last && range.last <= 65_535) return range;
  context.addIssue({ code: 'custom', message: PORTS });
  return z.NEVER;
});

const rule = z.strictObject({
  hosts: z.array(host, { error: 'must be a list of hosts' }),
  ports: z.array(ports, { error: 'must be a list of ports' }).optional(),
});

const file = z
  .strictObject({
    preset: z.enum(PRESETS, { error: 'must be "local" or "lan"' }).optional(),
    allow: z.array(rule, { error: 'must be tables: [[allow]]' }).optional(),
  })
  .refine(({ preset, allow }) => (preset === undefined) !== (allow === undefined), {
    error: 'says either preset = "local" or "lan", or [[allow]], and not both',
  });

/** @throws PolicyFileError */
export function parsePolicy(text: string): Policy {
  const result = file.safeParse(readToml(text));
  if (!result.success) throw toPolicyError(text, result.error.issues[0]!);
  const { preset, allow = [] } = result.data;
  if (preset) return presetPolicy(preset, `line ${lineOf(text, ['preset'])}`);
  return rulesPolicy(
    allow.map(({ hosts, ports }, index) => ({
      line: lineOf(text, ['allow', index]),
      ranges: hosts.filter(isRange),
      names: hosts.filter((name) => !isRange(name)).map((name) => name.toLowerCase()),
      ports: ports ?? null,
    })),
  );
}

function readToml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    throw new PolicyFileError(`line ${error.line}: ${reason}`);
  }
}

function toPolicyError(text: string, issue: z.core.$ZodIssue): PolicyFileError {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  if (unknown !== undefined) {
    const line = lineOf(text, [...issue.path, unknown]);
    return new PolicyFileError(`line ${line}: ${unknown} is not a setting that belongs here`);
  }
  if (issue.path.length === 0) return new PolicyFileError(`it ${issue.message}`);
  const what = issue.path.filter((part) => typeof part === 'string').join('.');
  return new PolicyFileError(`line ${lineOf(text, issue.path)}: ${what} ${issue.message}`);
}

/** Of a value, as near as it can be told: TOML's reader forgets where things stood. */
function lineOf(text: string, [top, index, key]: readonly PropertyKey[]): number {
  const lines = text.split('\n');
  const isKey = (name: PropertyKey) => (line: string) =>
    new RegExp(`^\\s*${String(name)}\\s*=`).test(line);
  if (top !== 'allow') return lines.findIndex(isKey(top ?? '')) + 1 || 1;
  const heads = lines.flatMap((line, at) => (/^\s*\[\[\s*allow\s*\]\]/.test(line) ? [at] : []));
  const head = heads[Number(index ?? 0)] ?? lines.findIndex(isKey('allow'));
  const within = key === undefined ? -1 : lines.slice(head).findIndex(isKey(key));
  return head + Math.max(within, 0) + 1;
}
