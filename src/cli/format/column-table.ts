/** Columns of text with three blanks between them. Pure. */

const gapColumns = 3;
const leastColumns = 10;

/** How many columns of a terminal `text` takes, as far as counting characters can tell. */
function widthOf(text: string): number {
  return plain.test(text) ? text.length : [...text].length;
}

const plain = /^[ -~]*$/;

/**
 * Aligns the tab-separated cells of `lines`; no column is narrower than `least`. The last cell of a line is left as it is. `width`: characters are counted, as by Docker, unless
 * it says otherwise.
 */
export function alignColumns(
  lines: readonly string[],
  least = leastColumns,
  width: (text: string) => number = widthOf,
): string {
  const rows = lines.map((line) => line.split("\t"));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.slice(0, -1).entries()) {
      widths[index] = Math.max(widths[index] ?? least, width(cell) + gapColumns);
    }
  }
  return rows
    .map((row) => {
      const last = row.length - 1;
      const cells = row.map((cell, index) =>
        index === last ? cell : cell + " ".repeat(Math.max(0, (widths[index] ?? 0) - width(cell))),
      );
      return `${cells.join("")}\n`;
    })
    .join("");
}
