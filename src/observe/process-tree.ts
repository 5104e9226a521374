/** Every process below another, with the container it is in and the namespaces in which it differs from its parent. */
import { pause } from "../lib/timer.ts";
import { allPids, ObservedProcess } from "./observed-process.ts";
import { type Cell, harmless, type Report, table } from "./report.ts";
import {
  type ContainerMark,
  commandOf,
  containerOfProcess,
  namespacePids,
  openTarget,
  type Target,
} from "./target.ts";
import { plural } from "./units.ts";

interface Seen {
  readonly pid: number;
  readonly parentPid: number;
  readonly inside: number;
  readonly state: string;
  readonly command: string;
  readonly container: ContainerMark | undefined;
  /** Type to inode text; empty where this caller may not look. */
  readonly namespaces: ReadonlyMap<string, string>;
}

const namespaceTypes = ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"];
/** After so many processes others have their turn. */
const slice = 200;

function look(pid: number): Seen | undefined {
  using process = ObservedProcess.ifThere(pid);
  const stat = process?.statIfPossible;
  if (process === undefined || stat === undefined) return undefined;
  const namespaces = new Map<string, string>();
  for (const type of namespaceTypes) {
    const link = process.linkIfPossible(`ns/${type}`);
    if (link !== undefined) namespaces.set(type, link);
  }
  return {
    pid,
    parentPid: stat.parentPid,
    inside: namespacePids(process).at(-1) ?? pid,
    state: stat.state,
    command: commandOf(process),
    container: containerOfProcess(process),
    namespaces,
  };
}

/** Names of containers by id, as far as an engine has told them. */
export type ContainerNames = ReadonlyMap<string, string>;

export function containerText(mark: ContainerMark | undefined, names: ContainerNames): string {
  if (mark === undefined) return "";
  const name = names.get(mark.id);
  if (name !== undefined) return name;
  const short = mark.id.slice(0, 12);
  return mark.engine === "" ? short : `${mark.engine}:${short}`;
}

export async function lookAtAll(): Promise<Seen[]> {
  const all: Seen[] = [];
  for (const [index, pid] of allPids().entries()) {
    if (index % slice === slice - 1) await pause(0);
    const seen = look(pid);
    if (seen !== undefined) all.push(seen);
  }
  return all;
}

export async function processTreeReport(target: Target | undefined, names: ContainerNames): Promise<Report> {
  const all = await lookAtAll();
  const children = new Map<number, Seen[]>();
  const byPid = new Map(all.map((seen) => [seen.pid, seen]));
  for (const seen of all) {
    const siblings = children.get(seen.parentPid);
    if (siblings === undefined) children.set(seen.parentPid, [seen]);
    else siblings.push(seen);
  }
  const rows: Cell[][] = [];
  const add = (seen: Seen, before: string, branch: string, next: string): void => {
    const parent = byPid.get(seen.parentPid);
    const differing = namespaceTypes.filter((type) => {
      const its = seen.namespaces.get(type);
      const parents = parent?.namespaces.get(type);
      return its !== undefined && parents !== undefined && its !== parents;
    });
    const container = containerText(seen.container, names);
    rows.push([
      seen.pid,
      seen.inside === seen.pid ? null : seen.inside,
      seen.state,
      { value: container, shown: container === "" ? "-" : container },
      { value: differing, shown: differing.length === 0 ? "-" : differing.join(",") },
      { value: seen.command, shown: `${before}${branch}${shortened(seen.command)}` },
    ]);
    const below = children.get(seen.pid) ?? [];
    for (const [index, child] of below.entries()) {
      const last = index === below.length - 1;
      add(child, `${before}${next}`, last ? "└─ " : "├─ ", last ? "   " : "│  ");
    }
  };
  const roots = rootsOf(all, byPid, target);
  for (const root of roots) add(root, "", "", "");
  return {
    sections: [
      table(
        "",
        {
          pid: "PID",
          inside: "INSIDE",
          state: "S",
          container: "CONTAINER",
          namespaces: "NEW NAMESPACES",
          command: "COMMAND",
        },
        rows,
      ),
    ],
    notes: [
      `${plural(rows.length, "process", "processes")}. INSIDE is the number in its own pid namespace; NEW NAMESPACES are those that its parent does not share.`,
    ],
  };
}

const longestCommand = 120;

function shortened(command: string): string {
  const text = harmless(command);
  return text.length > longestCommand ? `${text.slice(0, longestCommand - 1)}…` : text;
}

function rootsOf(all: readonly Seen[], byPid: ReadonlyMap<number, Seen>, target: Target | undefined): Seen[] {
  if (target === undefined) return all.filter(({ parentPid }) => !byPid.has(parentPid));
  using process = openTarget(target);
  const root = byPid.get(process.pid);
  if (root !== undefined && target.container === undefined) return [root];
  // Processes that an exec began are no children of the container's first one.
  const mark = root?.container;
  if (mark === undefined) return root === undefined ? [] : [root];
  return all.filter(
    (seen) => seen.container?.id === mark.id && byPid.get(seen.parentPid)?.container?.id !== mark.id,
  );
}
