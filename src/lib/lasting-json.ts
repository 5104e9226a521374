/**
 * Documents that are asked for again and again and are the same objects as long as they say the same: their JSON is made once, and
 * goes when they do. Only for what is never changed after it was made.
 */
import { formatExactJson } from "./exact-json.ts";

const texts = new WeakMap<object, string | undefined>();
const lists = new WeakMap<object, Uint8Array | undefined>();

const encoder = new TextEncoder();

/** The same document, whose text is kept from its first time on. */
export function lasting<Document extends object>(document: Document): Document {
  if (!texts.has(document)) texts.set(document, undefined);
  return document;
}

/** The same list, of documents that last or not, whose bytes are kept from its first time on. */
export function lastingList<Each extends object>(list: readonly Each[]): readonly Each[] {
  if (!lists.has(list)) lists.set(list, undefined);
  return list;
}

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null || !texts.has(value)) return formatExactJson(value);
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = formatExactJson(value);
  texts.set(value, text);
  return text;
}

/** A line of JSON, as bytes where they are kept. */
export function formatLasting(value: unknown): string | Uint8Array {
  if (!Array.isArray(value)) return `${textOf(value)}\n`;
  const known = lists.get(value);
  if (known !== undefined) return known;
  const text = `[${value.map(textOf).join(",")}]\n`;
  if (!lists.has(value)) return text;
  const bytes = encoder.encode(text);
  lists.set(value, bytes);
  return bytes;
}
