/** Of a line as `MemTotal:  1024 kB`, as the kernel writes many; null when there is none. */
export function bytesOf(text: string, field: string): number | null {
  const label = `${field}:`;
  const at = text.startsWith(label) ? 0 : text.indexOf(`\n${label}`) + 1;
  if (!text.startsWith(label, at)) return null;
  const from = at + label.length;
  const kilobytes = Number.parseInt(text.slice(from, from + 32), 10);
  return Number.isNaN(kilobytes) ? null : kilobytes * 1024;
}
