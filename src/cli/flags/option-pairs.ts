/** `key=value` options as a map; a key alone has an empty value, and the last of equal keys counts. */
export function parseOptionPairs(pairs: readonly string[]): Record<string, string> {
  const found = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    found.set(equals < 0 ? pair : pair.slice(0, equals), equals < 0 ? "" : pair.slice(equals + 1));
  }
  return Object.fromEntries(found);
}
