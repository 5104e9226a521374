/** Flags of instructions: `--name=value`, each at most as often as it may be. Pure. */

export interface Flag {
  readonly name: string;
  /** Undefined: there was no sign. */
  readonly value: string | undefined;
}

export function parseFlag(flag: string): Flag {
  const equals = flag.indexOf("=");
  if (equals === -1) return { name: flag, value: undefined };
  return { name: flag.slice(0, equals), value: flag.slice(equals + 1) };
}

/** Throws `Error` for one that is not known, and for one that is there twice and may not be. */
export function checkFlags(
  instruction: string,
  flags: readonly Flag[],
  known: readonly string[],
  repeated: readonly string[] = [],
): void {
  const seen = new Set<string>();
  for (const { name } of flags) {
    if (!known.includes(name)) {
      throw new Error(
        `unknown flag: --${name} (known for ${instruction}: ${known.map((one) => `--${one}`).join(", ")})`,
      );
    }
    if (seen.has(name) && !repeated.includes(name)) throw new Error(`Duplicate flag specified: ${name}`);
    seen.add(name);
  }
}

/** A flag alone is true. Throws `Error` for what is neither. */
export function booleanOf({ name, value }: Flag): boolean {
  if (value === undefined || value === "" || value.toLowerCase() === "true" || value === "1") return true;
  if (value.toLowerCase() === "false" || value === "0") return false;
  throw new Error(`expecting boolean value for flag ${name}, not: ${value}`);
}
