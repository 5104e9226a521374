/** Lines that are numbers, for tests of logs: what is missing or there twice is seen at once. */

/** 1 to `last`, a line each. */
export function sequence(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}\n`).join("");
}

/** Where `text` is not `wanted`, in few words: the whole would be megabytes. */
export function difference(text: string, wanted: string): string {
  if (text === wanted) return "none";
  let at = 0;
  while (text[at] === wanted[at]) at += 1;
  const around = (of: string): string => JSON.stringify(of.slice(Math.max(0, at - 20), at + 20));
  return `${text.length} bytes for ${wanted.length}; at ${at} ${around(text)} for ${around(wanted)}`;
}

/** How many bytes the notes of a log tell of that are missing. */
export function bytesTold(notes: string): number {
  let sum = 0;
  for (const line of notes.split("\n").filter(Boolean)) {
    const count = /^tiffin: (?:older output is gone|output is missing here): ([0-9]+) bytes? /.exec(
      line,
    )?.[1];
    if (count === undefined) throw new Error(`no note: ${line}`);
    sum += Number(count);
  }
  return sum;
}
