/** One figure, as `--json` writes it. */
export interface Row {
  bench: string;
  metric: string;
  value: number;
  unit: string;
  /** null: there is none, the figure is told for itself. */
  budget: number | null;
  ok: boolean;
}

const HEAD = ['benchmark', 'metric', 'value', 'unit', 'budget', ''];
/** Which columns hold figures. */
const RIGHT = new Set([2, 4]);

export function table(rows: readonly Row[]): string {
  const lines = rows.map(({ bench, metric, value, unit, budget, ok }) => [
    bench,
    metric,
    figure(value),
    unit,
    budget === null ? '' : figure(budget),
    budget === null ? '' : ok ? 'ok' : 'MISSED',
  ]);
  const all = [HEAD, ...lines];
  const widths = HEAD.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  const text = (line: string[]) =>
    line
      .map((cell, i) => (RIGHT.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return all.map(text).join('\n');
}

/** Four digits say more than any of these figures knows. */
export function rounded(value: number): number {
  return Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(4));
}

const figure = (value: number) => String(value);
