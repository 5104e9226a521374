/** What a container prints of /proc/self/mountinfo, by mount point. The last mount at a point is the one that is seen. */
export interface MountLine {
  /** Words of the mount itself. */
  readonly options: readonly string[];
  /** `shared:1 master:2`, `unbindable`, or nothing for a private mount. */
  readonly propagation: string;
  readonly type: string;
  /** Words of the file system. */
  readonly superblock: readonly string[];
}

export function parseMountLines(text: string): ReadonlyMap<string, MountLine> {
  const lines = new Map<string, MountLine>();
  for (const line of text.trim().split("\n")) {
    const [own = "", system = ""] = line.split(" - ");
    const [, , , , point = "", options = "", ...tags] = own.trim().split(" ");
    const [type = "", , superblock = ""] = system.split(" ");
    const [words, data] = [options.split(","), superblock.split(",")];
    lines.set(point, { options: words, propagation: tags.join(" "), type, superblock: data });
  }
  return lines;
}
