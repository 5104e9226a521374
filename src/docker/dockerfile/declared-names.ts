/** What an `ARG` declares, as far as it can be read without anybody's values; no fault of it is told here. Pure. */
import { expandWord, type Lookup } from "./expand.ts";
import { quotedWords } from "./lines.ts";

/** @returns Names with the values that they have by themselves; undefined where none can be told. */
export function declaredNames(rest: string, lookup: Lookup): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  const known: Lookup = (name) => found.get(name) ?? lookup(name);
  for (const word of quotedWords(rest)) {
    const [name = ""] = word.split("=", 1);
    found.set(name, word === name ? undefined : expandedOrNot(word.slice(name.length + 1), known));
  }
  return found;
}

function expandedOrNot(text: string, lookup: Lookup): string | undefined {
  try {
    return expandWord(text, lookup);
  } catch {
    // `${x:?}` of what only a client gives.
    return undefined;
  }
}
