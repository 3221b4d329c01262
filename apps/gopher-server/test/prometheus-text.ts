export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: Sample[];
}

const NAME = /^[a-z_][a-z0-9_]*$/;
const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;

/**
 * Reads Prometheus' text format, strictly: each family once, HELP and TYPE before its samples, no
 * sample twice, histograms whole. @throws saying which line is wrong
 */
export function parsePrometheus(text: string): Family[] {
  if (!text.endsWith('\n')) throw new Error('The last line has no end');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let family: Family | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (!NAME.test(name) || families.has(name))
        throw new Error(`A second family, or none: ${line}`);
      family = { name, help: rest, type: 'gauge', samples: [] };
      families.set(name, family);
    } else if (keyword === 'TYPE') {
      if (family?.name !== name || !['counter', 'gauge', 'histogram'].includes(rest)) {
        throw new Error(`No type of the family at hand: ${line}`);
      }
      family.type = rest as Family['type'];
    } else {
      const sample = parseSample(line);
      const key = `${sample.name} ${Object.entries(sample.labels).map(String).sort().join()}`;
      if (seen.has(key)) throw new Error(`Twice: ${line}`);
      seen.add(key);
      if (!family || !belongs(sample, family))
        throw new Error(`Not of the family at hand: ${line}`);
      family.samples.push(sample);
    }
  }
  return [...families.values()];
}

function parseSample(line: string): Sample {
  const [, name, inner, number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || number === undefined) throw new Error(`No sample: ${line}`);
  const value = number === '+Inf' ? Infinity : Number(number);
  if (Number.isNaN(value)) throw new Error(`No number: ${line}`);
  return { name, labels: parseLabels(inner ?? '', line), value };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  let end = 0;
  for (let found = LABEL.exec(text); found; found = LABEL.exec(text)) {
    const [, name = '', value = ''] = found;
    if (name in labels) throw new Error(`A label twice: ${line}`);
    labels[name] = value;
    end = LABEL.lastIndex;
  }
  if (end !== text.length) throw new Error(`No labels: ${line}`);
  return labels;
}

function belongs({ name, labels }: Sample, family: Family): boolean {
  if (family.type !== 'histogram') return name === family.name;
  if (name === `${family.name}_bucket`) return 'le' in labels;
  return name === `${family.name}_sum` || name === `${family.name}_count`;
}
