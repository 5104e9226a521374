/** Go's `path.Match`: `*` and `?` stay within a path component, `[...]` is a class, a backslash quotes. Pure. */
import { expressionWithRuns } from "./regular-expression.ts";

/** A test of whole texts, or undefined for a pattern that is none. */
export function shellPattern(pattern: string): ((text: string) => boolean) | undefined {
  let source = "";
  let runs = 0;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? "";
    if (character === "*") {
      // Two stars are one.
      if (source.endsWith("[^/]*")) continue;
      source += "[^/]*";
      runs += 1;
    } else if (character === "?") source += "[^/]";
    else if (character === "[") {
      const found = /^\[(\^?)((?:\\.|[^\]\\])+)\]/.exec(pattern.slice(at));
      if (found === null) return undefined;
      const [whole, not = "", members = ""] = found;
      source += `[${not}${members.replace(/[[&~]/g, "\\$&")}]`;
      at += whole.length - 1;
    } else if (character === "\\") {
      at += 1;
      const quoted = pattern[at];
      if (quoted === undefined) return undefined;
      source += escaped(quoted);
    } else source += escaped(character);
  }
  try {
    return expressionWithRuns(`^(?:${source})$`, runs);
  } catch {
    return undefined;
  }
}

function escaped(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
