/**
 * JSON whose whole numbers keep every digit: beyond 2^53 they are bigint, both ways. Ordinary documents take the
 * engine's own quick path; only a text with a long number, or a value with a bigint, pays.
 */

const integerText = /^-?\d+$/;
/** Fewer digits are always exact, and a reviver makes parsing several times slower. */
const longNumber = /\d{16}/;

/** Throws `SyntaxError`. */
export function parseExactJson(text: string): unknown {
  if (!longNumber.test(text)) return JSON.parse(text);
  return tellsSource ? JSON.parse(text, exactIntegers) : parseByMarks(text);
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
    return writesRaw ? (JSON.stringify(value, exactDigits, indent) ?? "null") : formatByMarks(value, indent);
  }
}

export function formatByMarks(value: unknown, indent: number | undefined): string {
  const mark = `${crypto.randomUUID()} `;
  const marked = JSON.stringify(
    value,
    (_key, each: unknown) => (typeof each === "bigint" ? `${mark}${each}` : each),
    indent,
  );
  return marked.replace(new RegExp(`"${mark}(-?\\d+)"`, "g"), "$1");
}

/** Whether revivers are told how a number was written; the engine of Node 20 does not tell. */
let tellsSource = false;
JSON.parse("1", (_key, value: unknown, context?: { readonly source?: string }) => {
  tellsSource = context?.source === "1";
  return value;
});

/** Texts, so that digits in them are passed over, and numbers. */
const textOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const longInteger = /^-?\d{16,}$/;

/** Long numbers become texts that begin with a mark which no document can foresee, and are taken back from there. */
export function parseByMarks(text: string): unknown {
  const mark = `${crypto.randomUUID()} `;
  const marked = text.replace(textOrNumber, (found) =>
    longInteger.test(found) ? `"${mark}${found}"` : found,
  );
  return JSON.parse(marked, (_key, value: unknown) => {
    if (typeof value !== "string" || !value.startsWith(mark)) return value;
    const exact = BigInt(value.slice(mark.length));
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  });
}

/** ECMAScript's own way to write a number that it cannot hold; the type library does not name it yet. */
interface RawJson {
  rawJSON(text: string): unknown;
}

const writesRaw = "rawJSON" in JSON;

function exactDigits(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const json: unknown = JSON;
  return (json as RawJson).rawJSON(value.toString());
}
