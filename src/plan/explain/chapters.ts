/** Which part of a container an operation makes. Total over all operations: a new one does not compile without its chapter. */
import { cloneFlags } from "../../linux/clone-flags.ts";
import type { HostOp, ProcessOp } from "../plan.ts";
import type { NetworkOpName, RemovalOpName } from "./operation-names.ts";

/** In the order in which they are shown. */
export const chapters = [
  "namespaces",
  "cgroup",
  "root",
  "devices",
  "network",
  "firewall",
  "identity",
  "guards",
  "exec",
  "record",
] as const;
export type Chapter = (typeof chapters)[number];

export type AnyOp = HostOp | ProcessOp;

const deviceTarget = /(?:^| for )\/dev(?:\/|$)/;
const guardingCauses = [
  "linux.maskedPaths",
  "linux.readonlyPaths",
  "linux.seccomp",
  "process.noNewPrivileges",
];

/** Of an operation on files, what the files are for. */
function chapterOfFiles({ cause, target }: AnyOp): Chapter {
  if (guardingCauses.some((one) => cause.startsWith(one))) return "guards";
  if (cause === "files") return "network";
  if (cause === "linux.cgroupsPath") return "cgroup";
  if (cause === "linux.namespaces") return "namespaces";
  if (cause.startsWith("linux.sysctl")) return "guards";
  if (cause === "default devices" || cause.startsWith("linux.devices") || deviceTarget.test(target))
    return "devices";
  if (cause === "no stdin" || cause === "stdin") return "exec";
  if (cause.startsWith("process.")) return "identity";
  return "root";
}

export function chapterOf(op: AnyOp): Chapter {
  switch (op.op) {
    case "cgroupCreate":
    case "cgroupWrite":
    case "cgroupDeviceProgram":
      return "cgroup";
    case "clone":
    case "unshare":
    case "idMap":
    case "signalPeer":
    case "awaitPeer":
    case "sync":
      return "namespaces";
    case "setns":
      return op.fields.nstype === cloneFlags.newNet ? "network" : "namespaces";
    case "loopbackUp":
      return "network";
    case "pty":
      return "devices";
    case "open":
    case "close":
    case "fsMount":
    case "reconfigure":
    case "openTree":
    case "mountSetattr":
    case "moveMount":
    case "umount":
    case "mkdir":
    case "symlink":
    case "mknod":
    case "createFile":
    case "write":
    case "copyTree":
    case "copyMode":
      return chapterOfFiles(op);
    case "pivotRoot":
    case "moveRoot":
    case "chroot":
      return "root";
    case "setHostname":
    case "setDomainname":
    case "keyring":
    case "setGroups":
    case "setIds":
    case "umask":
    case "chdir":
    case "personality":
      return "identity";
    case "maskPath":
    case "readonlyPath":
    case "setRlimit":
    case "prctl":
    case "dropBounding":
    case "setCapabilities":
    case "seccomp":
    case "passListener":
    case "closeFrom":
      return "guards";
    case "pipe":
    case "dup2":
    case "setsid":
    case "init":
    case "exec":
    case "finish":
    case "supervise":
    case "leave":
    case "findProgram":
    case "listen":
    case "run":
    case "adopt":
    case "awaitStart":
    case "hook":
    case "setScheduler":
    case "setIoPriority":
    case "setAffinity":
    case "setMemoryPolicy":
      return "exec";
  }
}

export function chapterOfNetworkOp(op: NetworkOpName): Chapter {
  switch (op) {
    case "tableReplace":
    case "contentsAdd":
    case "contentsDelete":
    case "tableDelete":
    case "ruleInsert":
    case "ruleDelete":
      return "firewall";
    case "bridgeAdd":
    case "vethAdd":
    case "ipv6Quiet":
    case "underlayAdd":
    case "vxlanPeer":
    case "childAdd":
    case "defaultRouteByLink":
    case "bridgePort":
    case "bridgeHairpin":
    case "bridgeIsolate":
    case "neighbourForget":
    case "linkUp":
    case "linkSettle":
    case "linkDelete":
    case "linksDelete":
    case "addressAdd":
    case "addressDelete":
    case "address6Add":
    case "defaultRoute":
    case "defaultRoute6":
    case "announce":
    case "sysctl":
      return "network";
  }
}

export const chapterOfRemoval: Readonly<Record<RemovalOpName, Chapter>> = {
  processKill: "exec",
  namespaceEnd: "namespaces",
  portRelease: "firewall",
  endpointRelease: "network",
  cgroupRemove: "cgroup",
  directoryRemove: "root",
  volumeRemove: "root",
  rowRemove: "record",
};
