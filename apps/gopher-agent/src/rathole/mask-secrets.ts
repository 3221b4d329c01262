const MASK = '***';

/** Settings of rathole whose values anyone may see; all others are masked, as they may be tokens. */
const HARMLESS = new Set([
  'type',
  'local_addr',
  'remote_addr',
  'bind_addr',
  'heartbeat_timeout',
  'heartbeat_interval',
  'retry_interval',
  'nodelay',
  'pattern',
  'prefer_ipv6',
]);

const HEADER = String.raw`^[ \t]*\[[^\n]*\][ \t]*$`;
const STRING = [
  String.raw`"""(?:[^\\]|\\[^])*?(?:"""|$(?![^]))`,
  String.raw`'''[^]*?(?:'''|$(?![^]))`,
  String.raw`"(?:[^"\\\n]|\\.)*"?`,
  String.raw`'[^'\n]*'?`,
].join('|');
/** Bounded, or a long text without a setting would take for ever. */
const KEY = String.raw`[\w.\-"'\\]{0,100}[\w\-"']`;
/** After a colon only where the word before it says what follows: host:port is no setting. */
const IS = String.raw`[ \t]*=[ \t]*|(?<=(?:token|key|secret|password)["']?)[ \t]*:[ \t]*`;
const PAIR = String.raw`(?<key>${KEY})(?<is>${IS})(?<value>${STRING}|[^\s,{}\[\]#]+)`;
const RUN = String.raw`[A-Za-z0-9+/_=\-]{16,}`;
const PARTS = new RegExp(`(?<header>${HEADER})|${PAIR}|(?<text>${STRING})|(?<run>${RUN})`, 'gim');

interface Parts {
  header?: string;
  key?: string;
  is?: string;
  value?: string;
  text?: string;
  run?: string;
}

/**
 * The same lines without the values of tokens and keys, also where a person mistyped the key. What
 * looks like one of them is masked wherever it stands.
 */
export function maskSecrets(text: string, known: readonly string[]): string[] {
  const masked = text.replace(PARTS, (all: string, ...rest: unknown[]) => {
    return maskPart(all, rest.at(-1) as Parts);
  });
  const secrets = known.filter((secret) => secret !== '');
  return secrets.reduce((lines, secret) => lines.replaceAll(secret, MASK), masked).split('\n');
}

function maskPart(all: string, { header, key, is = '', value, text, run }: Parts): string {
  if (header !== undefined) return all;
  if (run !== undefined) return /\d/.test(run) && /[A-Za-z]/.test(run) ? MASK : all;
  if (text !== undefined) return MASK + lineEnds(text);
  const name = (key ?? '').split('.').at(-1)?.replace(/["']/g, '') ?? '';
  return HARMLESS.has(name) ? all : `${key}${is}${MASK}${lineEnds(value ?? '')}`;
}

/** What follows stays on its own line. */
const lineEnds = (text: string): string => text.replace(/[^\n]/g, '');
