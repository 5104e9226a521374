/** The right word for one that was mistyped. Pure. */
import { slips } from "./slips.ts";

/** One change in three letters is a slip, more is another word. */
const lettersPerSlip = 3;

/** The nearest of `words`, when it is near enough to be what was meant. */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of words) {
    const distance = slips(word, candidate);
    const most = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / lettersPerSlip));
    if (
      distance <= most &&
      distance < candidate.length &&
      distance < (best?.distance ?? Number.POSITIVE_INFINITY)
    ) {
      best = { word: candidate, distance };
    }
  }
  return best?.word;
}

/** `; did you mean "maps"?`, or nothing. */
export function suggestion(word: string, words: Iterable<string>): string {
  const near = nearest(word, words);
  return near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
}
