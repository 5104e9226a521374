/** The functions that Docker adds to templates. Pure. */
import { formatExactJson } from "../../lib/exact-json.ts";
import { goJson } from "../../lib/go-json.ts";
import { FunctionError, type FunctionTable } from "./function-table.ts";
import { goPrint } from "./printf.ts";
import { isRecord, listOf, numberOf } from "./value.ts";
import { jsonOf } from "./value-json.ts";

/** A row of a list makes its own JSON, in which Go escapes for web pages, too. */
function ownJson(value: unknown): string | undefined {
  return isRecord(value) && "toJSON" in value ? goJson(value) : undefined;
}

/** The characters that even Go's unescaped JSON escapes. */
function goJsonText(value: unknown): string {
  const text = formatExactJson(value);
  return text.replace(/[\u2028\u2029]/g, (found) => `\\u${found.charCodeAt(0).toString(16)}`);
}

/** Go changes characters one by one: none becomes two. */
function recased(text: string, change: (character: string) => string): string {
  return [...text]
    .map((character) => {
      const changed = change(character).replace(/(?<=.)\p{M}$/u, "");
      return [...changed].length === 1 ? changed : character;
    })
    .join("");
}

function titled(text: string): string {
  return text.replace(
    /(^|[^\p{L}\p{Nd}_])(\p{L})/gu,
    (_all, gap: string, letter: string) => gap + upper(letter),
  );
}

function upper(text: string): string {
  return recased(text, (character) => character.toUpperCase());
}

function lower(text: string): string {
  return recased(text, (character) => character.toLowerCase());
}

function padded(text: string, prefix: number, suffix: number): string {
  if (text === "") return "";
  if (prefix < 0 || suffix < 0) throw new FunctionError("strings: negative Repeat count");
  return `${" ".repeat(prefix)}${text}${" ".repeat(suffix)}`;
}

/** Cuts bytes, as Docker does. */
function truncated(text: string, length: number): string {
  if (length < 0) throw new FunctionError(`runtime error: slice bounds out of range [:${length}]`);
  return Buffer.from(text).subarray(0, length).toString("utf8");
}

/** Go cuts between the characters when nothing is to be cut at. */
function split(text: string, separator: string): string[] {
  return separator === "" ? [...text] : text.split(separator);
}

export const dockerFunctions: FunctionTable = {
  json: { parameters: ["any"], call: (value) => ownJson(value) ?? goJsonText(jsonOf(value)) },
  split: { parameters: ["string", "string"], call: (text, by) => split(String(text), String(by)) },
  join: {
    parameters: ["[]string", "string"],
    call: (list, by) => listOf(list).map(goPrint).join(String(by)),
  },
  title: { parameters: ["string"], call: (text) => titled(String(text)) },
  lower: { parameters: ["string"], call: (text) => lower(String(text)) },
  upper: { parameters: ["string"], call: (text) => upper(String(text)) },
  pad: {
    parameters: ["string", "int", "int"],
    call: (text, prefix, suffix) => padded(String(text), numberOf(prefix), numberOf(suffix)),
  },
  truncate: {
    parameters: ["string", "int"],
    call: (text, length) => truncated(String(text), numberOf(length)),
  },
};
