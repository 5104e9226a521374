/**
 * The environment that a program gets: one entry for each name, as environ(7) has it. Of several the last counts, so that
 * what was added later (`exec --env`) is what getenv(3) finds, which looks from the front.
 */
export function environmentOf(entries: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const entry of entries) {
    const end = entry.indexOf("=");
    byName.set(end < 0 ? entry : entry.slice(0, end), entry);
  }
  return [...byName.values()];
}
