/** The bar that Docker draws: `[=====>      ]  1.2MB/3MB`. Pure. */
const barCells = 50;
const units = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Four significant digits at most, as Docker prints sizes beside a bar. */
function sizeText(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${Number(value.toPrecision(4))}${units[step] ?? ""}`;
}

/** `total` 0 is unknown: the count alone. `cells` is how long the bar is. */
export function progressBar(current: number, total: number, cells = barCells): string {
  if (total <= 0) return current <= 0 ? "" : sizeText(current).padStart(8);
  const shown = Math.min(cells, Math.floor((Math.min(current, total) / total) * cells));
  const blank = cells - shown - 1;
  const bar = `[${"=".repeat(shown)}>${" ".repeat(Math.max(0, blank))}]`;
  const numbers = `${sizeText(current).padStart(8)}/${sizeText(total)}`;
  return cells <= 0 ? numbers : `${bar} ${current > total ? sizeText(current).padStart(8) : numbers}`;
}
