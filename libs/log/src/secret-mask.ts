const MASK = '***';
/** Shorter ones would make holes in ordinary words. */
const MIN_SECRET_CHARS = 8;

const RUN = /[A-Za-z0-9+/_=-]{16,}/g;
const PRIVATE_KEY =
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g;
const CREDENTIALS = /\b(Bearer|Basic)[ \t]+[^\s"',;]{4,}/gi;
const URL_PASSWORD = /(:\/\/[^\s/:@"']{0,100}:)[^\s/@"']{1,200}(?=@)/g;
const KEYED =
  /(token|secret|passw(?:or)?d|passphrase|(?:private|public|api)[_-]?key|authorization|cookie|digest)(["']?[ \t]{0,8}(=|:)[ \t]{0,8})("(?:[^"\\\n]|\\.){0,1000}"?|'[^'\n]{0,1000}'?|[^\s,;&(){}[\]]{1,1000})/gi;

/** As Gopher and rathole make keys and tokens: 32 bytes in base64, padded or for URLs. */
const PADDED_KEY = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?!=)/g;
const URL_TOKEN = /[A-Za-z0-9_+-]{40,}/g;
/** Those of an EC key as Gopher makes it have 64, 64 and 56. */
const PEM_LINE = /^[A-Za-z0-9+/]{56,}={0,2}$/;
const HAS_ALL_KINDS = /^(?=[^]*[a-z])(?=[^]*[A-Z])(?=[^]*\d)/;

/**
 * Takes the values of tokens, keys and passwords out of a text: those that are known, those that a name
 * before them gives away, and what looks like a key. Hashes in hex, ids, addresses and paths stay.
 */
export class SecretMask {
  private readonly runs = new Set<string>();
  private readonly others: string[] = [];
  private readonly shortestRun: number;

  constructor(known: Iterable<string> = []) {
    for (const secret of known) {
      if (secret.length < MIN_SECRET_CHARS) continue;
      if (/^[A-Za-z0-9+/_=-]{16,}$/.test(secret)) this.runs.add(secret);
      else this.others.push(secret);
    }
    this.shortestRun = Math.min(...[...this.runs].map(({ length }) => length), Infinity);
  }

  mask(text: string): string {
    const withoutOthers = this.others.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
    return withoutOthers
      .replace(PRIVATE_KEY, MASK)
      .replace(CREDENTIALS, `$1 ${MASK}`)
      .replace(URL_PASSWORD, `$1${MASK}`)
      .replace(KEYED, (all: string, key: string, between: string, sign: string, value: string) =>
        isValue(sign, value) ? `${key}${between}${MASK}` : all,
      )
      .replace(RUN, (run) => this.maskRun(run));
  }

  private maskRun(run: string): string {
    if (this.runs.has(run)) return MASK;
    let rest = run;
    if (run.length > this.shortestRun) {
      for (const secret of this.runs) {
        if (rest.includes(secret)) rest = rest.replaceAll(secret, MASK);
      }
    }
    if (PEM_LINE.test(rest) && HAS_ALL_KINDS.test(rest)) return MASK;
    return rest
      .replace(PADDED_KEY, MASK)
      .replace(URL_TOKEN, (word) => (HAS_ALL_KINDS.test(word) ? MASK : word));
  }
}

/** After a colon a sentence may go on. */
function isValue(sign: string, value: string): boolean {
  if (sign === '=' || /^["']/.test(value)) return true;
  return value.length >= MIN_SECRET_CHARS && /\d/.test(value);
}
