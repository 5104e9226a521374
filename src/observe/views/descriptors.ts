/** What a process has open: `fd` (proc_pid_fd(5), proc_pid_fdinfo(5)). */
import type { ObservedProcess } from "../observed-process.ts";
import { type Cell, type Report, table } from "../report.ts";
import { exactNumber, plural } from "../units.ts";
import { socketsOf } from "./sockets.ts";

/** O_* as fdinfo prints them, octal, on x86_64 and aarch64 alike. */
const flagNames: readonly (readonly [number, string])[] = [
  [0o2000, "append"],
  [0o4000, "nonblock"],
  [0o10000000, "path"],
  [0o2000000, "cloexec"],
];

const accessNames = ["r", "w", "rw", "none"];
const path = 0o10000000;

function kindOf(target: string): string {
  const prefix = /^(socket|pipe|anon_inode|net|mnt|pid|user|uts|ipc|cgroup|time|mnt):/.exec(target)?.[1];
  if (prefix === "anon_inode") return /anon_inode:\[?([^\]]*)/.exec(target)?.[1] ?? prefix;
  if (prefix === "socket" || prefix === "pipe") return prefix;
  if (prefix !== undefined) return "namespace";
  if (target.startsWith("/memfd:")) return "memory file";
  return target.startsWith("/dev/") ? "device" : "file";
}

export function descriptorsReport(process: ObservedProcess): Report {
  const sockets = socketsOf(process);
  const numbers = process
    .list("fd")
    .map(({ name }) => Number(name))
    .sort((one, other) => one - other);
  const rows = numbers.flatMap((fd): Cell[][] => {
    const target = process.linkIfThere(`fd/${fd}`);
    // Closed between the listing and now.
    if (target === undefined) return [];
    const info = new Map(
      (process.textIfPossible(`fdinfo/${fd}`) ?? "").split("\n").map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
      }),
    );
    const flags = Number.parseInt(info.get("flags") ?? "0", 8);
    const names = flagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    const socket = inode === undefined ? undefined : sockets.get(inode);
    const position = info.get("pos");
    return [
      [
        fd,
        kindOf(target),
        (flags & path) === 0 ? (accessNames[flags & 3] ?? "") : "none",
        position === undefined ? null : exactNumber(position),
        { value: names, shown: names.length === 0 ? "-" : names.join(",") },
        { value: target, shown: socket === undefined ? target : `${target} ${socket.text}` },
      ],
    ];
  });
  return {
    sections: [
      table(
        "",
        { fd: "FD", kind: "KIND", access: "ACCESS", position: "POSITION", flags: "FLAGS", target: "TARGET" },
        rows,
      ),
    ],
    notes: [`${plural(rows.length, "open descriptor")}.`],
  };
}
