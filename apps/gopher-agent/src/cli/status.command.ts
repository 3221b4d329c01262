export async function status(_options: { json?: boolean }): Promise<number> {
  return 1;
}
