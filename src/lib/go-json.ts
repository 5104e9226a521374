import { formatExactJson } from "./exact-json.ts";

/** JSON with the characters escaped that Go escapes for web pages. Pure. */
export function goJson(value: unknown): string {
  return formatExactJson(value).replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
