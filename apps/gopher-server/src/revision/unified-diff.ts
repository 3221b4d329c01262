/** The tables of a rendered configuration by their headers, and at which line each begins. */
function tables(toml: string): Map<string, { line: number; lines: string[] }> {
  const found = new Map<string, { line: number; lines: string[] }>();
  let current: string[] = [];
  for (const [index, line] of toml.trimEnd().split('\n').entries()) {
    if (line.startsWith('[')) {
      current = [];
      found.set(line, { line: index + 1, lines: current });
    }
    if (line !== '') current.push(line);
  }
  return found;
}

/**
 * What differs between two rendered configurations, as unified diffs show it: a hunk for each table.
 * Empty when nothing does.
 */
export function unifiedDiff(before: string, after: string, labels: [string, string]): string {
  const [old, now] = [tables(before), tables(after)];
  const headers = [...new Set([...old.keys(), ...now.keys()])].sort();
  const hunks = headers.flatMap((header) => {
    const [was, is] = [old.get(header), now.get(header)];
    const lines = changedLines(was?.lines ?? [], is?.lines ?? []);
    if (lines.every((line) => line.startsWith(' '))) return [];
    return [`@@ -${range(was)} +${range(is)} @@`, ...lines];
  });
  if (hunks.length === 0) return '';
  return [`--- ${labels[0]}`, `+++ ${labels[1]}`, ...hunks, ''].join('\n');
}

/** The lines of a table have an order of their own: equal ones stand at equal places. */
function changedLines(was: string[], is: string[]): string[] {
  const length = Math.max(was.length, is.length);
  return Array.from({ length }, (_, i) => i).flatMap((i) => {
    const [old, now] = [was[i], is[i]];
    if (old === now) return [` ${old}`];
    return [...(old === undefined ? [] : [`-${old}`]), ...(now === undefined ? [] : [`+${now}`])];
  });
}

const range = (table: { line: number; lines: string[] } | undefined): string =>
  table ? `${table.line},${table.lines.length}` : '0,0';
