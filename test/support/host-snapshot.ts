/**
 * What an engine may leave behind on a host, as sorted lists of lines, so that "nothing is left" is one comparison
 * of two snapshots. A snapshot looks only at what can belong to the engine under test (its directories, its tag,
 * the processes given), because other engines and tests work on the machine at the same time.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface SnapshotScope {
  /** Directories of the engine: mounts that mention them and files below them count. */
  readonly directories: readonly string[];
  /** Prefixes of its network links, e.g. `tf1a2b3c`. */
  readonly linkPrefixes: readonly string[];
  /** Its cgroup parent in every hierarchy, e.g. `/tiffin-1a2b3c`. */
  readonly cgroupParent: string;
  /** Its nftables tables, e.g. `tiffin_1a2b3c`. */
  readonly tables: readonly string[];
  /** All processes that the engine has started, directly or not. */
  readonly processes: () => readonly number[];
  /** The engine, for counting its descriptors; left out when it is not running. */
  readonly engine?: number;
  /** Files below the directories that may differ: matched against the whole path. */
  readonly ignoreFiles?: RegExp;
}

export interface HostSnapshot {
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly networkNamespaces: readonly string[];
  readonly cgroups: readonly string[];
  readonly tables: readonly string[];
  readonly processes: readonly string[];
  readonly files: readonly string[];
  readonly descriptors: readonly string[];
}

export function hostSnapshot(scope: SnapshotScope): HostSnapshot {
  const processes = scope.processes();
  return {
    mounts: mountsMentioning(scope.directories),
    links: linksNamed(scope.linkPrefixes),
    networkNamespaces: namespacesOf(processes, scope.engine),
    cgroups: cgroupsNamed(scope.cgroupParent),
    tables: tablesNamed(scope.tables),
    processes: processes.map(describeProcess).sort(),
    files: scope.directories
      .flatMap((directory) => filesBelow(directory))
      .filter((path) => scope.ignoreFiles?.test(path) !== true)
      .sort(),
    descriptors: scope.engine === undefined ? [] : descriptorsOf(scope.engine),
  };
}

/** What `after` has too much, one line per thing: `links: tf1a2b3c*`. Empty: nothing was left. */
export function leftovers(before: HostSnapshot, after: HostSnapshot): string[] {
  return kinds.flatMap((kind) => surplus(before[kind], after[kind]).map((line) => `${kind}: ${line}`));
}

const kinds = [
  "mounts",
  "links",
  "networkNamespaces",
  "cgroups",
  "tables",
  "processes",
  "files",
  "descriptors",
] as const satisfies readonly (keyof HostSnapshot)[];

/** Lines of `after` that `before` lacks, counting repetitions. */
function surplus(before: readonly string[], after: readonly string[]): string[] {
  const remaining = new Map<string, number>();
  for (const line of before) remaining.set(line, (remaining.get(line) ?? 0) + 1);
  return after.filter((line) => {
    const count = remaining.get(line) ?? 0;
    if (count > 0) remaining.set(line, count - 1);
    return count === 0;
  });
}

function processIds(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Undefined for a process or file that has gone. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** In every mount namespace of the machine, once each: a mount that another process pins counts too. */
function mountsMentioning(directories: readonly string[]): string[] {
  const seen = new Set<string>();
  const found = new Set<string>();
  for (const pid of processIds()) {
    const namespace = attempt(() => readlinkSync(`/proc/${pid}/ns/mnt`));
    if (namespace === undefined || seen.has(namespace)) continue;
    const table = attempt(() => readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
    if (table === undefined) continue;
    seen.add(namespace);
    for (const line of table.split("\n")) {
      if (directories.some((directory) => line.includes(directory))) found.add(`${namespace} ${line}`);
    }
  }
  return [...found].sort();
}

/** Namespaces that the engine's processes live in or hold open, other than this process's own. */
function namespacesOf(processes: readonly number[], engine: number | undefined): string[] {
  const own = readlinkSync("/proc/self/ns/net");
  const found = new Set<string>();
  for (const pid of engine === undefined ? processes : [...processes, engine]) {
    const lived = attempt(() => readlinkSync(`/proc/${pid}/ns/net`));
    const held = targetsOf(pid).filter((target) => target.startsWith("net:"));
    for (const namespace of [lived, ...held]) {
      if (namespace !== undefined && namespace !== own) found.add(namespace);
    }
  }
  // Which ones does not matter, since some are made ahead of need: how many does.
  return [...found].map(() => "one").sort();
}

/** A veth's name ends in eight drawn digits; a bridge's does not. */
function linksNamed(prefixes: readonly string[]): string[] {
  return readdirSync("/sys/class/net")
    .filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))
    .map((name) => name.replace(/[0-9a-f]{8}$/, "*"))
    .sort();
}

function cgroupsNamed(parent: string): string[] {
  const base = "/sys/fs/cgroup";
  if (!existsSync(base)) return [];
  const roots = [base, ...readdirSync(base).map((name) => `${base}/${name}`)];
  const found = new Set<string>();
  for (const root of roots) {
    const directory = root + parent;
    if (existsSync(directory)) for (const path of directoriesBelow(directory)) found.add(path);
  }
  return [...found].sort();
}

function directoriesBelow(directory: string): string[] {
  const below = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => directoriesBelow(`${directory}/${entry.name}`));
  return [directory, ...below];
}

/** Needs nft(8) for an opinion that is not the engine's own; without it there is none. */
function tablesNamed(tables: readonly string[]): string[] {
  if (tables.length === 0 || Bun.which("nft") === null) return [];
  const listing = Bun.spawnSync(["nft", "-a", "list", "tables"]).stdout.toString().split("\n");
  const present = tables.filter((table) => listing.some((line) => line.startsWith(`table inet ${table}`)));
  return present.flatMap((table) =>
    Bun.spawnSync(["nft", "list", "table", "inet", table])
      .stdout.toString()
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => `${table}: ${nameless(line.trim())}`),
  );
}

/** Name and arguments but not the id, so that a warm executor replaced by another is no difference. */
function describeProcess(pid: number): string {
  const name = attempt(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim()) ?? "gone";
  const state = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0]);
  return state === "Z" ? `${name} (zombie)` : name;
}

function filesBelow(directory: string): string[] {
  // What background work deletes between two looks is as good as gone before the first.
  const entries = attempt(() => readdirSync(directory, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    return entry.isDirectory() ? [path, ...filesBelow(path)] : [path];
  });
}

/** What the descriptors of a process point at, with changing numbers left out. */
export function descriptorsOf(pid: number): string[] {
  return targetsOf(pid)
    .map((target) => target.replace(/^(socket|pipe|net):\[\d+\]$/, "$1:[]"))
    .sort();
}

function targetsOf(pid: number): string[] {
  const numbers = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return numbers.flatMap((number) => attempt(() => readlinkSync(`/proc/${pid}/fd/${number}`)) ?? []);
}

/** Without counters, and without the subnet: between two lives of an engine another one may have taken it. */
function nameless(line: string): string {
  return line.replace(/ (packets|bytes) \d+/g, "").replace(/\d+\.\d+\.\d+\.\d+\/\d+/g, "SUBNET");
}
