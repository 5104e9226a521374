/** Parts `items` into as few rows as a kernel takes for one packet: all of one length, the last one maybe shorter. */
export function trains<T>(items: readonly T[], lengthOf: (item: T) => number, most: number): T[][] {
  const rows: T[][] = [];
  let row: T[] = [];
  let length = -1;
  for (const item of [...items].sort((one, other) => lengthOf(other) - lengthOf(one))) {
    const own = lengthOf(item);
    if (row.length === 0 || row.length === most || length < 0) {
      row = [];
      rows.push(row);
      length = own;
    }
    row.push(item);
    // A shorter one is the last.
    if (own < length) length = -1;
  }
  return rows;
}
