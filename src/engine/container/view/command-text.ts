/** The command line in one text, as lists show it: words with blanks stand in quotes. Pure. */
export function commandText([program = "", ...words]: readonly string[]): string {
  return [program, ...words.map((word) => (word.includes(" ") ? `'${word}'` : word))].join(" ");
}
