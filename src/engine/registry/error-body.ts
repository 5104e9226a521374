/** What a registry says when it refuses: its error documents, and everything else that comes in their place. Pure. */
import { type Decoded, decoderKit, optional } from "../../lib/decoders.ts";

const kit = decoderKit({
  code: "registry.bad-answer",
  whole: "the registry's answer",
  shownLength: 60,
  limitElements: 10_000,
  allowsNul: true,
  nullIsEmpty: true,
});
export const { text, list, object, integer, flag, mapOf } = kit;

const errorDocument = object({
  errors: optional(list(object({ code: optional(text), message: optional(text) }))),
  /** Of others than registries: token servers, object stores, proxies. */
  details: optional(text),
  message: optional(text),
  error: optional(text),
  error_description: optional(text),
});

const limitShown = 300;

/** Text from outside in one line of an error: no control characters, not too long. */
export function shownText(found: string): string {
  const plain = found.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return plain.length > limitShown ? `${plain.slice(0, limitShown)}...` : plain;
}

export function isHtml(body: string, contentType: string): boolean {
  return contentType.includes("html") || /^\s*<(?:!doctype html|html)/i.test(body);
}

function nameHtml(body: string): string {
  const title = /<title[^>]*>([^<]*)</i.exec(body)?.[1];
  return `an HTML page${title === undefined ? "" : ` ("${shownText(title)}")`} instead of JSON`;
}

type ErrorDocument = Decoded<typeof errorDocument>;

function textOf(document: ErrorDocument): string {
  const said = (document.errors ?? []).flatMap(({ code, message }) => {
    const name = code?.toLowerCase().replaceAll("_", " ");
    const parts = [name, message].filter((part) => part !== undefined && part !== "");
    return parts.length === 0 ? [] : [parts.join(": ")];
  });
  if (said.length > 0) return said.join("; ");
  const { error, error_description: description, details, message } = document;
  return description ?? details ?? message ?? error ?? "";
}

/** The sentence in an error's body; empty when it says nothing. */
export function errorText(body: Uint8Array, contentType: string): string {
  const found = new TextDecoder().decode(body);
  if (isHtml(found, contentType)) return nameHtml(found);
  try {
    return shownText(textOf(errorDocument(JSON.parse(found), "")));
  } catch {
    return shownText(found);
  }
}

/** JSON from a registry that is not an image document. Throws `invalid` naming what came instead. */
export function parseAnswer(body: Uint8Array, contentType: string, what: string): unknown {
  const found = new TextDecoder().decode(body);
  try {
    return JSON.parse(found);
  } catch {
    const instead = isHtml(found, contentType)
      ? nameHtml(found)
      : `${JSON.stringify(shownText(found))} instead of JSON`;
    throw kit.wrong(what, undefined, `JSON; there is ${instead}`);
  }
}
