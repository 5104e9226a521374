/** What an op acts on and what takes it back, in words. Total over all ops: a new one does not compile without. */
import type { OpName } from "../abi/schema.ts";
import { slotNone } from "../abi/schema.ts";
import type { WireOp } from "./plan.ts";

const mountGone = "the mount namespace ends";
const processGone = "the process ends";
const closed = "closed at exec";

/** The object of `op` as people name it. */
export function targetOf(op: WireOp): string {
  switch (op.op) {
    case "open":
    case "moveMount":
    case "umount":
    case "mkdir":
    case "symlink":
    case "mknod":
    case "createFile":
    case "maskPath":
    case "readonlyPath":
    case "chdir":
    case "pty":
    case "listen":
      return op.fields.path;
    case "openTree":
      return op.fields.path ?? slotText(op.fields.dir);
    case "mountSetattr":
      return op.fields.path ?? slotText(op.fields.mount);
    case "write":
      return op.fields.path ?? slotText(op.fields.dir);
    case "fsMount":
      return op.fields.type;
    case "reconfigure":
      return slotText(op.fields.mount);
    case "close":
    case "setns":
      return slotText(op.fields.slot);
    case "pivotRoot":
    case "moveRoot":
    case "chroot":
      return "/";
    case "setHostname":
    case "setDomainname":
    case "keyring":
      return op.fields.name;
    case "idMap":
      return "uid_map, gid_map";
    case "signalPeer":
    case "awaitPeer":
      return `mark ${op.fields.mark}`;
    case "sync":
      return `sync ${op.fields.id}`;
    case "pipe":
      return `${slotText(op.fields.read)} <- ${slotText(op.fields.write)}`;
    case "dup2":
      return `fd ${op.fields.fd}`;
    case "setRlimit":
      return `resource ${op.fields.resource}`;
    case "setIds":
      return `${op.fields.uid}:${op.fields.gid}`;
    case "closeFrom":
      return `fd ${op.fields.first} and above`;
    case "exec":
      return op.fields.arguments[0] ?? "";
    case "clone":
    case "unshare":
    case "finish":
    case "setsid":
    case "prctl":
    case "dropBounding":
    case "setGroups":
    case "setCapabilities":
    case "umask":
    case "seccomp":
    case "init":
      return "the process";
    case "personality":
    case "setScheduler":
    case "setIoPriority":
    case "setAffinity":
    case "setMemoryPolicy":
      return "the process";
    case "loopbackUp":
      return "lo";
    case "findProgram":
      return op.fields.candidates[0] ?? "";
    case "awaitStart":
      return slotText(op.fields.listener);
    case "copyTree":
    case "copyMode":
    case "run":
    case "hook":
      return op.fields.path;
    case "passListener":
      return slotText(op.fields.socket);
    case "supervise":
    case "leave":
      return "the supervisor";
    case "adopt":
      return "the process";
  }
}

export function slotText(slot: number): string {
  return slot === slotNone ? "/" : `#${slot}`;
}

/** What undoes an op; nothing here asks for a call, because everything ends with a process or its namespace. */
export const inverses: Readonly<Record<OpName, string>> = {
  open: closed,
  close: "none needed",
  fsMount: "last descriptor and namespace go",
  reconfigure: "the file system goes",
  openTree: "last descriptor and namespace go",
  mountSetattr: "the mount goes",
  moveMount: mountGone,
  umount: "none: the mount is gone",
  mkdir: "removed with the file system that holds it",
  symlink: "removed with the file system that holds it",
  mknod: "removed with the file system that holds it",
  createFile: "removed with the file system that holds it",
  write: "the kernel object goes",
  setns: processGone,
  unshare: processGone,
  clone: "SIGKILL and wait",
  idMap: "the user namespace ends",
  signalPeer: "none needed",
  awaitPeer: "none needed",
  sync: "the engine undoes what it did",
  pivotRoot: mountGone,
  moveRoot: mountGone,
  chroot: processGone,
  setHostname: "the uts namespace ends",
  setDomainname: "the uts namespace ends",
  maskPath: mountGone,
  readonlyPath: mountGone,
  pty: "last descriptor closes",
  pipe: "last descriptor closes",
  dup2: processGone,
  setsid: processGone,
  finish: "none needed",
  setRlimit: processGone,
  keyring: "the last process of the session ends",
  prctl: processGone,
  dropBounding: processGone,
  setGroups: processGone,
  setIds: processGone,
  setCapabilities: processGone,
  umask: processGone,
  chdir: processGone,
  seccomp: processGone,
  closeFrom: processGone,
  init: processGone,
  exec: processGone,
  supervise: "the supervisor ends",
  leave: "none needed",
  findProgram: "none needed",
  passListener: "the agent closes it",
  copyMode: "the file system goes",
  copyTree: "removed with the file system that holds it",
  awaitStart: "none needed",
  hook: "what it did is its own to undo",
  personality: processGone,
  setScheduler: processGone,
  setIoPriority: processGone,
  setAffinity: processGone,
  setMemoryPolicy: processGone,
  loopbackUp: "the network namespace ends",
  listen: "last descriptor closes",
  run: "SIGKILL for all of the group",
  adopt: "SIGKILL and wait",
};

export function inverseOf(op: WireOp): string {
  return inverses[op.op];
}
