/**
 * Regular expressions that clients and files bring, as Go (and so Docker) reads them. Matched in time linear in the text,
 * whatever they look like: an expression from outside must never hold the engine.
 */
import type { RE2JS } from "re2js";
import { TiffinError } from "../lib/errors.ts";

export type TextTest = (text: string) => boolean;

/** Longer than any that a person writes; a compiled one is larger than its text. */
const longest = 4096;

/** Letters, digits and what means itself, perhaps held to an end: the runtime's own expressions match these in linear time too. */
const plain = /^\^?[A-Za-z0-9_/:@ -]*\$?$/;

/** Loaded with the first expression that is no plain word. */
function library(): typeof RE2JS {
  const loaded: typeof import("re2js") = require("re2js");
  return loaded.RE2JS;
}

/** More of these, and the time of a failing match grows by a power of the text's length for each. */
const fewRuns = 2;

/** For an expression that was made of a pattern with that many runs of anything: by the runtime, which is faster, where that is safe. */
export function expressionWithRuns(source: string, runs: number): TextTest {
  if (runs > fewRuns) return regularExpression(`(?s)${source}`);
  const own = new RegExp(source, "su");
  return (text) => own.test(text);
}

/** Whether the expression is found anywhere in a text. Errors: invalid `regular-expression`. */
export function regularExpression(source: string): TextTest {
  if (plain.test(source)) {
    const own = new RegExp(source);
    return (text) => own.test(text);
  }
  if (source.length > longest) {
    throw refusal(`found an expression of ${source.length} characters, wanted at most ${longest}`);
  }
  let compiled: RE2JS;
  try {
    compiled = library().compile(source);
  } catch (thrown) {
    throw refusal(thrown instanceof Error ? thrown.message : String(thrown));
  }
  return (text) => compiled.matcher(text).find();
}

function refusal(message: string): TiffinError {
  return new TiffinError("invalid", "regular-expression", message);
}
