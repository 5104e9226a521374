/** Where a process lives: `mounts`, `cgroup`, `ns` (proc_pid_mountinfo(5), cgroups(7), namespaces(7)). */

import { readTextIfPossible } from "../../kernel/files.ts";
import { own } from "../../lib/own.ts";
import { parseMountInfo } from "../../linux/mountinfo.ts";
import { parseProcessCgroups } from "../../linux/proc.ts";
import { ObservedProcess } from "../observed-process.ts";
import { type Cell, type Report, table } from "../report.ts";
import { plural } from "../units.ts";

export function mountsReport(process: ObservedProcess): Report {
  const mounts = parseMountInfo(process.text("mountinfo"));
  const rows = mounts.map((mount): Cell[] => {
    const propagation = [
      ...(mount.shared === null ? [] : [`shared:${mount.shared}`]),
      ...(mount.master === null ? [] : [`slave:${mount.master}`]),
      ...(mount.unbindable ? ["unbindable"] : []),
    ];
    return [
      mount.id,
      mount.parentId,
      mount.mountPoint,
      mount.type,
      mount.source,
      mount.root,
      { value: mount.options, shown: mount.options.join(",") },
      { value: propagation, shown: propagation.length === 0 ? "private" : propagation.join(",") },
    ];
  });
  return {
    sections: [
      table(
        "",
        {
          id: "ID",
          parent: "PARENT",
          mountPoint: "MOUNT POINT",
          type: "TYPE",
          source: "SOURCE",
          root: "ROOT",
          options: "OPTIONS",
          propagation: "PROPAGATION",
        },
        rows,
      ),
    ],
    notes: [
      `${plural(rows.length, "mount")}. ROOT is the directory of the file system that is mounted; shared mounts pass mounts on, slaves receive them.`,
    ],
  };
}

export interface GroupPlace {
  /** `memory`, `cpu,cpuacct`, `unified`. */
  readonly hierarchy: string;
  readonly path: string;
  /** Where the group's files are; undefined when the hierarchy is not mounted here or the group lies outside. */
  readonly directory: string | undefined;
}

/** The groups of a process and their directories, by the mount table of this program. */
export function groupPlaces(process: ObservedProcess): GroupPlace[] {
  const mounts = parseMountInfo(readTextIfPossible("/proc/self/mountinfo") ?? "").filter(({ type }) =>
    type.startsWith("cgroup"),
  );
  return parseProcessCgroups(process.text("cgroup")).map(({ controllers, path }) => {
    const mount = mounts.find(({ type, superOptions }) =>
      controllers.length === 0
        ? type === "cgroup2"
        : type === "cgroup" && controllers.every((name) => superOptions.includes(name)),
    );
    const below = mount === undefined ? undefined : pathBelow(mount.root, path);
    const directory = below === undefined || mount === undefined ? undefined : `${mount.mountPoint}${below}`;
    return {
      hierarchy: controllers.length === 0 ? "unified" : controllers.join(","),
      path,
      directory,
    };
  });
}

function pathBelow(root: string, path: string): string | undefined {
  if (path.startsWith("/..")) return undefined;
  if (root === "/") return path === "/" ? "" : path;
  if (path === root) return "";
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

export function cgroupsReport(process: ObservedProcess): Report {
  const rows = groupPlaces(process).map(({ hierarchy, path, directory }): Cell[] => [
    hierarchy === "unified" ? "v2" : "v1",
    hierarchy,
    path,
    directory ?? null,
  ]);
  return {
    sections: [
      table(
        "",
        { version: "VERSION", controllers: "CONTROLLERS", path: "GROUP", directory: "DIRECTORY" },
        rows,
      ),
    ],
  };
}

const namespaceMeanings: Readonly<Record<string, string>> = {
  cgroup: "which group it sees as the top",
  ipc: "System V IPC and POSIX message queues",
  mnt: "mounts",
  net: "interfaces, addresses, routes, ports, firewall",
  pid: "process numbers",
  pid_for_children: "process numbers, for its children to come",
  time: "monotonic and boot clocks",
  time_for_children: "monotonic and boot clocks, for its children to come",
  user: "user and group ids, capabilities",
  uts: "host name and domain name",
};

export function namespacesReport(process: ObservedProcess): Report {
  using self = ObservedProcess.ifThere(Number(readTextIfPossible("/proc/self/stat")?.split(" ")[0] ?? "0"));
  const rows = process
    .list("ns")
    .map(({ name }) => name)
    .sort()
    .map((name): Cell[] => {
      const link = process.link(`ns/${name}`);
      const inode = /\[(\d+)\]/.exec(link)?.[1];
      const here = self?.linkIfPossible(`ns/${name}`);
      return [
        name,
        inode === undefined ? link : Number(inode),
        here === undefined ? null : here === link ? "as this program" : "its own",
        own(namespaceMeanings, name) ?? "",
      ];
    });
  return {
    sections: [table("", { type: "TYPE", inode: "INODE", compared: "WHOSE", meaning: "DIVIDES" }, rows)],
  };
}
