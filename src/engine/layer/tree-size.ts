/** How much a file tree holds, as `docker ps -s` counts: lengths of regular files and symbolic links, hard links once. */
import { PlainEntry } from "../../kernel/plain-entry.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { Breather } from "../../lib/breather.ts";

/** Open directories, one a level; what lies deeper is not counted. */
const depthLimit = 256;

/**
 * Bytes below `directory`, by descriptor: whoever changes the tree meanwhile leads the count nowhere else. Files that vanish while
 * counting are skipped, a missing directory holds 0.
 */
export async function treeBytes(directory: string): Promise<number> {
  const breather = new Breather();
  let bytes = 0;
  for (const size of sizes(directory)) {
    bytes += size;
    await breather.breathe();
  }
  return bytes;
}

function* sizes(directory: string): Generator<number> {
  let top: PlainEntry;
  try {
    top = PlainEntry.ofLayer(directory);
  } catch (thrown) {
    if (thrown instanceof SyscallError && thrown.code === "ENOENT") return;
    throw thrown;
  }
  using root = top;
  yield* below(root, new Set(), 0);
}

function* below(node: PlainEntry, seen: Set<string>, depth: number): Generator<number> {
  if (depth === depthLimit) return;
  for (const name of node.names()) {
    using child = node.child(name);
    if (child === undefined) continue;
    const { type, sizeBytes, links, deviceMajor, deviceMinor, inode } = child.status;
    if (type === "directory") yield* below(child, seen, depth + 1);
    if (type !== "file" && type !== "symlink") continue;
    const identity = `${deviceMajor}:${deviceMinor}:${inode}`;
    if (links > 1 && seen.has(identity)) continue;
    if (links > 1) seen.add(identity);
    yield sizeBytes;
  }
}
