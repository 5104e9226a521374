/** Plans written by hand for the executor's own tests: a busybox container with all namespaces and overlay root. */
import type { EncodableOp } from "../../src/abi/encode.ts";
import { type Stage, slotNone } from "../../src/abi/schema.ts";
import type { Scratch } from "./harness.ts";

const newNamespaces = 0x2000_0000 | 0x0002_0000 | 0x0800_0000 | 0x0400_0000 | 0x4000_0000 | 0x0200_0000;
export const cloneNewPid = 0x2000_0000;
const private_ = 1 << 18;
const atRecursive = 0x8000;
export const noResolve = 0;

/** Slots of the plan below. Received ones come first. */
export const slots = {
  logs: 0,
  record: 1,
  root: 10,
  host: 11,
  proc: 12,
  dev: 13,
  inR: 14,
  inW: 15,
  outR: 16,
  outW: 17,
  errR: 18,
  errW: 19,
  nullDevice: 20,
  empty: 21,
  pts: 22,
};

type WithoutStage<T> = T extends { readonly stage: Stage } ? Omit<T, "stage"> : never;

export function at(stage: Stage, ...ops: readonly WithoutStage<EncodableOp>[]): EncodableOp[] {
  // Omit loses the link between op and fields that the argument's type has just proved.
  return ops.map((op) => ({ ...op, stage }) as EncodableOp);
}

export interface ContainerOptions {
  readonly arguments: readonly string[];
  readonly environment?: readonly string[];
  readonly candidates?: readonly string[];
  readonly terminal?: boolean;
  readonly init?: boolean;
  /** Received slots: logs and record come first. */
  readonly clients?: readonly { readonly slot: number; readonly flags: number }[];
  readonly hasLogs?: boolean;
  readonly logFileBytes?: number;
  readonly logFiles?: number;
  readonly stdinOnce?: boolean;
  readonly oomFile?: number;
  /** Ops of the child in front of the exec. */
  readonly extra?: readonly EncodableOp[];
  readonly parentExtra?: readonly EncodableOp[];
  readonly cloneFlags?: number;
  readonly leave?: boolean;
}

function rootOps(scratch: Scratch, lower: string): EncodableOp[] {
  const options = [
    `lowerdir+=${lower}`,
    `upperdir=${scratch.directory("upper")}`,
    `workdir=${scratch.directory("work")}`,
  ];
  return at("prepare", {
    op: "fsMount",
    fields: { out: slots.root, type: "overlay", source: "overlay", options, attributes: 0 },
  });
}

function deviceOps(): EncodableOp[] {
  const characterDevice = 0o020666;
  return at(
    "child",
    {
      op: "fsMount",
      fields: { out: slots.dev, type: "tmpfs", source: "tmpfs", options: ["mode=755"], attributes: 0 },
    },
    {
      op: "mknod",
      fields: { root: slots.dev, path: "null", mode: characterDevice, uid: 0, gid: 0, device: 0x103 },
    },
    { op: "mkdir", fields: { root: slots.dev, path: "pts", mode: 0o755, uid: 0, gid: 0 } },
    { op: "symlink", fields: { root: slots.dev, path: "ptmx", target: "pts/ptmx" } },
    { op: "moveMount", fields: { mount: slots.dev, root: slots.root, path: "/dev", create: 1, mode: 0o755 } },
    {
      op: "fsMount",
      fields: {
        out: slots.pts,
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666", "mode=620"],
        attributes: 0,
      },
    },
    {
      op: "moveMount",
      fields: { mount: slots.pts, root: slots.root, path: "/dev/pts", create: 1, mode: 0o755 },
    },
  );
}

function maskOps(): EncodableOp[] {
  const readOnly = 1;
  return at(
    "child",
    {
      op: "fsMount",
      fields: { out: slots.empty, type: "tmpfs", source: "tmpfs", options: [], attributes: readOnly },
    },
    {
      op: "open",
      fields: {
        out: slots.nullDevice,
        dir: slots.root,
        path: "/dev/null",
        flags: 0o10000000,
        mode: 0,
        resolve: 0x10,
      },
    },
    {
      op: "maskPath",
      fields: { root: slots.root, path: "/proc/meminfo", empty: slots.empty, nullDevice: slots.nullDevice },
    },
    {
      op: "maskPath",
      fields: { root: slots.root, path: "/proc/irq", empty: slots.empty, nullDevice: slots.nullDevice },
    },
    {
      op: "maskPath",
      fields: { root: slots.root, path: "/proc/nothing", empty: slots.empty, nullDevice: slots.nullDevice },
    },
    { op: "readonlyPath", fields: { root: slots.root, path: "/proc/sys" } },
  );
}

function mountOps(): EncodableOp[] {
  return [
    ...at(
      "child",
      {
        op: "open",
        fields: { out: slots.host, dir: slotNone, path: "/", flags: 0o10000000, mode: 0, resolve: noResolve },
      },
      {
        op: "mountSetattr",
        fields: {
          mount: slots.host,
          path: null,
          flags: atRecursive,
          userns: slotNone,
          set: 0,
          clear: 0,
          propagation: private_,
        },
      },
      { op: "moveMount", fields: { mount: slots.root, root: slotNone, path: "/tmp", create: 0, mode: 0 } },
      {
        op: "fsMount",
        fields: { out: slots.proc, type: "proc", source: "proc", options: [], attributes: 0 },
      },
      {
        op: "moveMount",
        fields: { mount: slots.proc, root: slots.root, path: "/proc", create: 1, mode: 0o755 },
      },
    ),
    ...deviceOps(),
    ...maskOps(),
    ...at(
      "child",
      { op: "pivotRoot", fields: { root: slots.root } },
      { op: "setHostname", fields: { name: "box" } },
    ),
  ];
}

const owner = { uid: 0, gid: 0 };

function pipeOps(): EncodableOp[] {
  return at(
    "prepare",
    { op: "pipe", fields: { read: slots.inR, write: slots.inW, ...owner } },
    { op: "pipe", fields: { read: slots.outR, write: slots.outW, ...owner } },
    { op: "pipe", fields: { read: slots.errR, write: slots.errW, ...owner } },
  );
}

function stdioOps(options: ContainerOptions): EncodableOp[] {
  if (options.terminal === true) {
    return at("child", {
      op: "pty",
      fields: { root: slotNone, path: "/dev/pts/ptmx", rows: 33, columns: 101, ...owner, console: 1 },
    });
  }
  return at(
    "child",
    { op: "setsid", fields: {} },
    { op: "dup2", fields: { slot: slots.inR, fd: 0 } },
    { op: "dup2", fields: { slot: slots.outW, fd: 1 } },
    { op: "dup2", fields: { slot: slots.errW, fd: 2 } },
  );
}

function superviseOp(options: ContainerOptions): EncodableOp[] {
  if (options.leave === true) return at("parent", { op: "leave", fields: { waitExec: 1 } });
  const clients = new Uint32Array((options.clients ?? []).flatMap(({ slot, flags }) => [slot, flags]));
  const terminal = options.terminal === true;
  return at("parent", {
    op: "supervise",
    fields: {
      stdin: terminal ? slotNone : slots.inW,
      stdout: terminal ? slotNone : slots.outR,
      stderr: terminal ? slotNone : slots.errR,
      terminal: terminal ? 1 : 0,
      stdinOnce: options.stdinOnce === true ? 1 : 0,
      logDirectory: options.hasLogs === false ? slotNone : slots.logs,
      logFileBytes: options.logFileBytes ?? 0,
      logFiles: options.logFiles ?? 5,
      record: slots.record,
      oomFile: options.oomFile ?? slotNone,
      clients: new Uint8Array(clients.buffer),
    },
  });
}

/** A whole container. Received: slot 0 the log directory, 1 the record, then those of `clients`. */
export function containerPlan(scratch: Scratch, lower: string, options: ContainerOptions): EncodableOp[] {
  const program = options.arguments[0] ?? "";
  return [
    ...rootOps(scratch, lower),
    ...(options.terminal === true ? [] : pipeOps()),
    ...at("prepare", {
      op: "clone",
      fields: { flags: options.cloneFlags ?? newNamespaces, cgroup: slotNone },
    }),
    ...(options.parentExtra ?? []),
    ...superviseOp(options),
    ...(options.init === true ? at("child", { op: "init", fields: {} }) : []),
    ...mountOps(),
    ...stdioOps(options),
    ...(options.extra ?? []),
    ...at("child", {
      op: "exec",
      fields: {
        candidates: options.candidates ?? [`/bin/${program}`],
        arguments: options.arguments,
        environment: options.environment ?? ["PATH=/bin"],
      },
    }),
  ];
}
