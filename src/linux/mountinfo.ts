/** Parser of /proc/<pid>/mountinfo (proc_pid_mountinfo(5)). */

export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** The directory of the file system that is mounted here. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** Peer group numbers, where the mount propagates. */
  readonly shared: number | null;
  readonly master: number | null;
  readonly unbindable: boolean;
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
export function unescapeMountField(text: string): string {
  return text.includes("\\")
    ? text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    : text;
}

/** One line; undefined when it is not of the documented form. */
export function parseMountLine(line: string): MountEntry | undefined {
  const words = line.split(" ");
  const separator = words.indexOf("-", 6);
  const [id, parentId, device, root, mountPoint, options] = words;
  const type = words[separator + 1];
  const source = words[separator + 2];
  if (
    separator < 0 ||
    device === undefined ||
    root === undefined ||
    mountPoint === undefined ||
    options === undefined ||
    type === undefined ||
    source === undefined
  ) {
    return undefined;
  }
  const tags = words.slice(6, separator);
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescapeMountField(root),
    mountPoint: unescapeMountField(mountPoint),
    options: options.split(","),
    shared: peerGroup(tags, "shared:"),
    master: peerGroup(tags, "master:"),
    unbindable: tags.includes("unbindable"),
    type,
    source: unescapeMountField(source),
    superOptions: (words[separator + 3] ?? "").split(",").filter((option) => option !== ""),
  };
}

function peerGroup(tags: readonly string[], prefix: string): number | null {
  const tag = tags.find((each) => each.startsWith(prefix));
  return tag === undefined ? null : Number(tag.slice(prefix.length));
}

/** The whole file, in mount order. */
export function parseMountInfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const entry = line === "" ? undefined : parseMountLine(line);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}
