/** Names from outside in errors: quoted, of one line, nothing in them that a terminal acts on or that turns the text around. Pure. */

const limitShown = 200;
const unshown = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }).join("");
}

/** Text that is one line of several on a screen or in a document. */
export function shownText(text: string): string {
  return text.replace(unshown, escaped);
}

/** JSON over several lines, in which a terminal acts on nothing either: what JSON itself leaves as it is gets written as JSON may. */
export function shownJson(value: unknown): string {
  return shownLines(JSON.stringify(value, undefined, 2));
}

const layout: ReadonlySet<string> = new Set(["\n", "\t"]);

/** Text of several lines, such as an error and what to try: names in it are anybody's words. */
export function shownLines(text: string): string {
  return text.replace(unshown, (character) => (layout.has(character) ? character : escaped(character)));
}

export function shownName(name: string): string {
  const cut = name.length > limitShown ? `${name.slice(0, limitShown)}...` : name;
  return JSON.stringify(cut).replace(unshown, escaped);
}
