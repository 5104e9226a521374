/** Type signatures of D-Bus (specification, "Type System"), as trees. */

export type DbusType =
  | { readonly code: BasicCode }
  | { readonly code: "v" }
  | { readonly code: "a"; readonly of: DbusType }
  /** A structure, or an entry of a dictionary, which is laid out like one. */
  | { readonly code: "("; readonly fields: readonly DbusType[] };

const basicCodes = ["y", "b", "n", "q", "i", "u", "x", "t", "d", "s", "o", "g"] as const;
type BasicCode = (typeof basicCodes)[number];

/** Deeper nesting is forbidden by the specification: 32 arrays and 32 structures. */
const depthLimit = 64;

/** A signature that breaks the rules, or a value that does not fit its signature or its place. */
export class DbusFormatError extends Error {
  override readonly name = "DbusFormatError";
}

/** The types of `signature` in order. Throws `DbusFormatError`. */
export function parseSignature(signature: string): DbusType[] {
  const types: DbusType[] = [];
  for (let at = 0; at < signature.length; ) {
    const [type, next] = parseOne(signature, at, 0);
    types.push(type);
    at = next;
  }
  return types;
}

function parseOne(signature: string, at: number, depth: number): [DbusType, number] {
  const wrong = (): DbusFormatError => new DbusFormatError(`signature ${JSON.stringify(signature)} at ${at}`);
  if (depth > depthLimit) throw wrong();
  const code = signature[at];
  const basic = basicCodes.find((each) => each === code);
  if (basic !== undefined) return [{ code: basic }, at + 1];
  if (code === "v") return [{ code: "v" }, at + 1];
  if (code === "a") {
    const [of, next] = parseOne(signature, at + 1, depth + 1);
    return [{ code: "a", of }, next];
  }
  const closing = code === "(" ? ")" : code === "{" ? "}" : undefined;
  if (closing === undefined) throw wrong();
  const fields: DbusType[] = [];
  let next = at + 1;
  while (next < signature.length && signature[next] !== closing) {
    const [field, after] = parseOne(signature, next, depth + 1);
    fields.push(field);
    next = after;
  }
  if (signature[next] !== closing || fields.length === 0) throw wrong();
  return [{ code: "(", fields }, next + 1];
}

/** Bytes that a value of the type is aligned to. */
export function alignmentOf(type: DbusType): number {
  switch (type.code) {
    case "y":
    case "g":
    case "v":
      return 1;
    case "n":
    case "q":
      return 2;
    case "x":
    case "t":
    case "d":
    case "(":
      return 8;
    default:
      return 4;
  }
}
