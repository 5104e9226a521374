/** What a reader is told about output that is not there. Pure. */

function bytesText(count: number): string {
  return `${count} ${count === 1 ? "byte" : "bytes"}`;
}

/** The log began before what is left of it. */
export function olderGone(count: number): string {
  return `tiffin: older output is gone: ${bytesText(count)} (the log was full, see --log-opt max-size and max-file)`;
}

/** Between two pieces of output. */
export function missingHere(count: number): string {
  return `tiffin: output is missing here: ${bytesText(count)} (rotated away before they were read, or the disk was full)`;
}

export const damagedHere = "tiffin: a part of the log is damaged and left out here";

export function inEarlierFormat(path: string): string {
  return `tiffin: output from before an update of the engine is not shown: it is in ${path}`;
}
