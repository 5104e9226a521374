/** Bytes -> JSON, bounded. Integers beyond 2^53 become bigint, so that 64-bit fields keep every digit. */
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { parseExactJson } from "../../lib/exact-json.ts";

/** No sensible config.json comes near. */
export const limitDocumentBytes = 10 * 1024 * 1024;

/** `what` names the document in errors. Throws TiffinError invalid `oci.invalid-document`. */
export function parseDocument(bytes: Uint8Array, what: string, limitBytes = limitDocumentBytes): unknown {
  if (bytes.length > limitBytes) {
    throw new TiffinError(
      "invalid",
      "oci.invalid-document",
      `${what} has ${bytes.length} bytes, at most ${limitBytes} are read`,
    );
  }
  try {
    return parseExactJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw new TiffinError("invalid", "oci.invalid-document", `${what} is not JSON: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
