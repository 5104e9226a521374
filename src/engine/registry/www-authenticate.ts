/** The `WWW-Authenticate` header: which proofs of identity a registry takes. Pure. */

export interface Challenge {
  /** Lowercase: `basic`, `bearer`. */
  readonly scheme: string;
  /** By lowercase name. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
const gap = /[\s,]*/y;
const equals = /\s*=\s*/y;
/** Longer headers are nobody's. */
const limitLength = 16 * 1024;

/** All challenges in the order in which they stand; what cannot be read ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  if (header.length > limitLength) return challenges;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(header);
    if (found === null) return undefined;
    at = pattern.lastIndex;
    return found;
  };
  for (;;) {
    take(gap);
    const name = take(token)?.[0];
    if (name === undefined) return challenges;
    const current = challenges.at(-1);
    if (current === undefined || take(equals) === undefined) {
      challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
      continue;
    }
    const value = take(quoted)?.[1]?.replace(/\\(.)/g, "$1") ?? take(token)?.[0];
    if (value === undefined) return challenges;
    current.parameters.set(name.toLowerCase(), value);
  }
}
