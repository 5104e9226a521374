/** The value of a table under a name from outside: every plain object answers to `constructor` and `__proto__` as well. */
export function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
