/** How much a file tree holds, as `docker ps -s` counts: lengths of regular files, hard links once. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "./trash.ts";

/** Bytes below `directory`; files that vanish while counting are skipped, a missing directory holds 0. */
export async function treeBytes(directory: string): Promise<number> {
  const seen = new Set<string>();
  const pending = [directory];
  let bytes = 0;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    try {
      for (const entry of await readdir(path, { withFileTypes: true })) {
        const child = join(path, entry.name);
        if (entry.isDirectory()) pending.push(child);
        else if (entry.isFile()) bytes += await fileBytes(child, seen);
      }
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
    }
  }
  return bytes;
}

async function fileBytes(path: string, seen: Set<string>): Promise<number> {
  const status = await lstat(path);
  if (status.nlink > 1) {
    const identity = `${status.dev}:${status.ino}`;
    if (seen.has(identity)) return 0;
    seen.add(identity);
  }
  return status.size;
}
