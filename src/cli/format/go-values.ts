/** How Go prints and encodes values, for templates and for `--format json`. Pure. */
import { formatExactJson } from "../../lib/exact-json.ts";

export type Method = (...args: readonly unknown[]) => unknown;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What `{{.X}}` prints. */
export function goPrint(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(goPrint).join(" ")}]`;
  if (isRecord(value)) {
    const keys = Object.keys(value).sort();
    return `map[${keys.map((key) => `${key}:${goPrint(value[key])}`).join(" ")}]`;
  }
  return String(value);
}

/** False, 0, empty and absent are false, as in Go's templates. */
export function goTruth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return Object.keys(value).length > 0;
  return (
    value !== undefined && value !== null && value !== false && value !== 0 && value !== 0n && value !== ""
  );
}

/** JSON with the characters that Go escapes for web pages. */
export function goJson(value: unknown, indent?: number): string {
  const text = formatExactJson(value, indent);
  return text.replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A string in Go's double quotes. */
export function goQuote(text: string): string {
  const quoted = JSON.stringify(text);
  return quoted.replace(/\\u001b/g, "\\x1b").replace(/\\u00([01][0-9a-f])/g, "\\x$1");
}
