/**
 * JSON whose whole numbers keep every digit: beyond 2^53 they are bigint, both ways. Ordinary documents take the
 * engine's own quick path; only a text with a long number, or a value with a bigint, pays.
 */

const integerText = /^-?\d+$/;
/** Fewer digits are always exact, and a reviver makes parsing several times slower. */
const longNumber = /\d{16}/;

/** Throws `SyntaxError`. */
export function parseExactJson(text: string): unknown {
  return longNumber.test(text) ? JSON.parse(text, exactIntegers) : JSON.parse(text);
}

/** A reviver; the third argument carries the number as it was written. */
function exactIntegers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return integerText.test(source) ? BigInt(source) : value;
}

/** `JSON.stringify` of a value that is an object or a list. */
export function formatExactJson(value: unknown, indent?: number): string {
  try {
    return JSON.stringify(value, undefined, indent) ?? "null";
  } catch (thrown) {
    // A bigint is what the quick way cannot write; a cycle fails the second time too.
    if (!(thrown instanceof TypeError)) throw thrown;
    return JSON.stringify(value, exactDigits, indent) ?? "null";
  }
}

/** ECMAScript's own way to write a number that it cannot hold; the type library does not name it yet. */
interface RawJson {
  rawJSON(text: string): unknown;
}

function exactDigits(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const json: unknown = JSON;
  return (json as RawJson).rawJSON(value.toString());
}
