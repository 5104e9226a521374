/** Writes that a power failure does not take back. */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";

/** Makes earlier renames and creations inside `directory` durable. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Creates the file `path` with this content and mode, on disk before it returns. Throws when it exists. */
export function writeDurable(path: string, content: Uint8Array, mode: number): void {
  const fd = openSync(path, "wx", mode);
  try {
    let written = 0;
    while (written < content.length) written += writeSync(fd, content, written);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
