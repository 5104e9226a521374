/** Bytes -> JSON, bounded. Integers beyond 2^53 become bigint, so that 64-bit fields keep every digit. */
import { messageOf, TiffinError } from "../../lib/errors.ts";

/** No sensible config.json, manifest or image configuration comes near. */
export const limitDocumentBytes = 10 * 1024 * 1024;

const integerText = /^-?\d+$/;
/** Fewer digits are always exact, and a reviver makes parsing several times slower. */
const longNumber = /\d{16}/;

/** `what` names the document in errors. Throws TiffinError invalid `oci.invalid-document`. */
export function parseDocument(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > limitDocumentBytes) {
    throw new TiffinError(
      "invalid",
      "oci.invalid-document",
      `${what} has ${bytes.length} bytes, at most ${limitDocumentBytes} are read`,
    );
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return longNumber.test(text) ? JSON.parse(text, exactIntegers) : JSON.parse(text);
  } catch (thrown) {
    throw new TiffinError("invalid", "oci.invalid-document", `${what} is not JSON: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** A reviver; the third argument carries the number as it was written. */
function exactIntegers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return integerText.test(source) ? BigInt(source) : value;
}
