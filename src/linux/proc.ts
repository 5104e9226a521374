/** Parsers of small files below /proc. Text in, values out; unknown lines are skipped. */

/** `Key:<tab>value` lines of /proc/<pid>/status, values trimmed. */
export function parseStatus(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  /** `R`, `S`, `D`, `Z`, `T` ... */
  readonly state: string;
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
  /** The device number of the controlling terminal; 0 without one. */
  readonly terminal: number;
  /** User and system mode together, in clock ticks. */
  readonly cpuTicks: number;
  /** Since boot, in clock ticks. */
  readonly startTicks: bigint;
  /** As wait(2) gives it, of a process that has ended and is shown by a reader with the rights; else 0. */
  readonly waitStatus: number;
}

/** /proc/<pid>/stat. The name may contain anything, parentheses and spaces too, so it ends at the last `)`. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const rest = text.slice(close + 2).split(" ");
  const startTicks = rest[19];
  if (startTicks === undefined) return undefined;
  return {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: rest[0] ?? "",
    parentPid: Number(rest[1]),
    processGroup: Number(rest[2]),
    session: Number(rest[3]),
    terminal: Number(rest[4]),
    cpuTicks: Number(rest[11]) + Number(rest[12]),
    startTicks: BigInt(startTicks),
    waitStatus: Number(rest[49] ?? 0),
  };
}

/** /proc/meminfo in bytes. */
export function parseMemInfo(text: string): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const match of text.matchAll(/^([^:\n]+):\s+(\d+)( kB)?$/gm)) {
    if (match[1] !== undefined) sizes.set(match[1], Number(match[2]) * (match[3] === undefined ? 1 : 1024));
  }
  return sizes;
}

export interface ProcessCgroup {
  /** 0 is cgroup v2. */
  readonly hierarchyId: number;
  /** `memory`, `cpu` and `cpuacct`, `name=systemd`; empty for v2. */
  readonly controllers: readonly string[];
  readonly path: string;
}

/** /proc/<pid>/cgroup. A path may contain colons. */
export function parseProcessCgroups(text: string): ProcessCgroup[] {
  const groups: ProcessCgroup[] = [];
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 0 || second < 0) continue;
    const controllers = line.slice(first + 1, second);
    groups.push({
      hierarchyId: Number(line.slice(0, first)),
      controllers: controllers === "" ? [] : controllers.split(","),
      path: line.slice(second + 1),
    });
  }
  return groups;
}

/** The names in /proc/filesystems. */
export function parseFilesystems(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const line of text.split("\n")) {
    const name = line.slice(line.lastIndexOf("\t") + 1);
    if (name !== "") names.add(name);
  }
  return names;
}

export interface IdMapping {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** /proc/<pid>/uid_map and gid_map. */
export function parseIdMap(text: string): IdMapping[] {
  const mappings: IdMapping[] = [];
  for (const line of text.split("\n")) {
    const [inside, outside, count] = line.trim().split(/\s+/);
    if (inside === undefined || outside === undefined || count === undefined) continue;
    mappings.push({ inside: Number(inside), outside: Number(outside), count: Number(count) });
  }
  return mappings;
}

/** /proc/<pid>/environ or cmdline: NUL-terminated strings. */
export function parseNulSeparated(text: string): string[] {
  const parts = text.split("\0");
  if (parts.at(-1) === "") parts.pop();
  return parts;
}

/** `KEY=value` lines of /etc/os-release, quotes removed. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const value = match[2].replace(/^(["'])(.*)\1$/, "$2").replace(/\\(["'$`\\])/g, "$1");
    fields.set(match[1], value);
  }
  return fields;
}
