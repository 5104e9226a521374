/** What a front sends of its caller: working directory, words of the command line and environment, each ended by a NUL. */

export interface AskedWords {
  readonly cwd: string;
  /** Without the program's name. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Undefined where the bytes are not that. */
export function askedWords(bytes: Uint8Array, argumentCount: number): AskedWords | undefined {
  // Not fatal: names of files may have any bytes, and a front with such words does without us.
  const [cwd = "", ...strings] = new TextDecoder().decode(bytes).split("\0").slice(0, -1);
  if (!cwd.startsWith("/") || strings.length < argumentCount) return undefined;
  return {
    cwd,
    words: strings.slice(0, argumentCount),
    env: environmentOf(strings.slice(argumentCount)),
  };
}

function environmentOf(entries: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = Object.create(null);
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    const name = entry.slice(0, equals);
    // The first of two counts, as getenv(3) has it.
    if (equals > 0 && !Object.hasOwn(environment, name)) environment[name] = entry.slice(equals + 1);
  }
  return environment;
}
