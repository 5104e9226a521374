/** All namespaces in which some process of this machine lives, and who lives there; those that have a name in /run/netns too. */
import { readTextIfPossible } from "../kernel/files.ts";
import { parseMountInfo } from "../linux/mountinfo.ts";
import { type ContainerNames, containerText, lookAtAll } from "./process-tree.ts";
import { type Cell, type Report, table } from "./report.ts";

interface Resident {
  readonly pid: number;
  readonly command: string;
  readonly container: string;
}

export async function namespacesOfMachine(types: readonly string[], names: ContainerNames): Promise<Report> {
  const found = new Map<string, Resident[]>();
  for (const seen of await lookAtAll()) {
    const resident = {
      pid: seen.pid,
      command: seen.command,
      container: containerText(seen.container, names),
    };
    for (const link of seen.namespaces.values()) {
      const residents = found.get(link);
      if (residents === undefined) found.set(link, [resident]);
      else residents.push(resident);
    }
  }
  const bound = boundNamespaces();
  for (const link of bound.keys()) if (!found.has(link)) found.set(link, []);
  const rows = [...found]
    .map(([link, residents]) => rowOf(link, residents, bound.get(link) ?? []))
    .filter(({ type }) => types.length === 0 || types.includes(type))
    .sort((one, other) => compare(one.type, other.type) || one.inode - other.inode)
    .map(({ cells }) => cells);
  return {
    sections: [
      table(
        "",
        {
          inode: "INODE",
          type: "TYPE",
          processes: "PROCESSES",
          pid: "FIRST PID",
          containers: "CONTAINERS",
          path: "BOUND AT",
          command: "COMMAND",
        },
        rows,
      ),
    ],
    notes: ["Namespaces that only a descriptor keeps do not show in /proc."],
  };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function rowOf(link: string, residents: readonly Resident[], places: readonly string[]) {
  const [type = "", inodeText = "0"] = link.replace("]", "").split(":[");
  const inode = Number(inodeText);
  const containers = [...new Set(residents.map(({ container }) => container).filter((name) => name !== ""))];
  const first = residents[0];
  const cells: Cell[] = [
    inode,
    type,
    residents.length,
    first?.pid ?? null,
    { value: containers, shown: containers.length === 0 ? "-" : containers.join(",") },
    { value: places, shown: places.length === 0 ? "-" : places.join(",") },
    first?.command ?? "",
  ];
  return { type, inode, cells };
}

/** Namespaces that a bind mount keeps, as `ip netns` makes them. */
function boundNamespaces(): Map<string, string[]> {
  const places = new Map<string, string[]>();
  for (const { type, root, mountPoint } of parseMountInfo(readTextIfPossible("/proc/self/mountinfo") ?? "")) {
    if (type !== "nsfs") continue;
    const known = places.get(root);
    if (known === undefined) places.set(root, [mountPoint]);
    else if (!known.includes(mountPoint)) known.push(mountPoint);
  }
  return places;
}
