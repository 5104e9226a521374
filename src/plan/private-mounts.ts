/**
 * The first mounts of the child: nothing it does may reach the host, and what binds will be cloned from must be
 * attached somewhere. All of it lies on the work mount and goes away with the old root at pivot_root.
 */

import { missingTarget, slotNone } from "../abi/schema.ts";
import { mountAttributes, mountPropagations, openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import { type Compilation, hasUserNamespace } from "./compilation.ts";
import { cleanPath } from "./container-path.ts";
import type { ContainerOptions } from "./options.ts";

const defaultWorkMount = "/dev";

export interface Scratch {
  /** Detached clones of the injected files, by container path. */
  readonly files: ReadonlyMap<string, number>;
  /** An empty directory as a read-only mount; undefined when nothing needs it. */
  readonly empty: number | undefined;
  /** It lies below the root. */
  readonly isAttached: boolean;
}

/** Where the root is attached in the private mount namespace: `path` below the directory in slot `root`. */
export interface AttachPoint {
  readonly root: number;
  readonly path: string;
  /** Its own path, where `path` is not. */
  readonly name?: string;
}

/**
 * A directory as root is attached at its own path, where hooks look for it and leave mounts for the container. The
 * working directory leads there: a clone into a new mount namespace takes it along, whatever the path is called in
 * there and whoever may walk it. Undefined: the child walks there itself.
 */
function directoryToEnter({ rootfs, unprivileged }: ContainerOptions): string | undefined {
  const isOwn = rootfs.kind === "directory" && rootfs.isTop !== true;
  return isOwn && unprivileged !== true ? rootfs.path : undefined;
}

/** Makes the directory of the root the working directory that the child begins with. */
export function enterAttachPoint({ builder, options }: Compilation): void {
  const path = directoryToEnter(options);
  if (path !== undefined) builder.prepare({ op: "chdir", fields: { path } }, "root.path");
}

/** Takes hold of the attach point, in the child's own mount namespace. */
export function openAttachPoint(compilation: Compilation): AttachPoint {
  const { builder, options, open } = compilation;
  const path = directoryToEnter(options);
  if (path === undefined) return { root: slotNone, path: workMount(compilation) };
  const cause = "root.path";
  const root = builder.slot();
  const flags = open.path | open.directory | open.closeOnExec;
  builder.child(
    { op: "open", fields: { out: root, dir: slotNone, path: ".", flags, mode: 0, resolve: 0 } },
    cause,
    path,
  );
  builder.child({ op: "chdir", fields: { path: "/" } }, cause);
  return { root, path: ".", name: path };
}

/** The child of a user namespace is nobody on the host and cannot reach a private directory. */
function workMount({ namespaces, options }: Compilation): string {
  const { rootfs, unprivileged = false, workMount: wanted } = options;
  if (rootfs.kind === "directory") return rootfs.isTop === true ? defaultWorkMount : rootfs.path;
  if (hasUserNamespace({ namespaces }) && !unprivileged) return defaultWorkMount;
  return wanted ?? defaultWorkMount;
}

/** Cuts the mount namespace that the process has just got off from the host's. */
export function isolateMounts(
  { builder, open, options }: Compilation,
  stage: "prepare" | "child" = "child",
  cause = "linux.namespaces",
): void {
  const root = builder.slot();
  const flags = open.path | open.directory | open.closeOnExec;
  const fields = { out: root, dir: slotNone, path: "/", flags, mode: 0, resolve: 0 };
  // Binds that are cloned only after this still have to hear of the host's mounts when they ask for it.
  const listens = stage === "child" && options.unprivileged === true;
  builder[stage]({ op: "open", fields }, cause);
  builder[stage](
    {
      op: "mountSetattr",
      fields: {
        mount: root,
        path: null,
        flags: atFlags.recursive,
        userns: slotNone,
        set: 0,
        clear: 0,
        propagation: listens ? mountPropagations.slave : mountPropagations.private,
      },
    },
    cause,
    "all mounts of the host",
  );
}

/**
 * One small tmpfs with the injected files and the empty directory. A bind can only be cloned from an attached
 * mount (before Linux 6.15), so the tmpfs is attached below where the root will be.
 */
export function makeScratch(compilation: Compilation, place: AttachPoint): Scratch {
  const { builder, options, linux } = compilation;
  const files = options.files ?? [];
  const needsEmpty = (linux.maskedPaths ?? []).length > 0;
  if (files.length === 0 && !needsEmpty) return { files: new Map(), empty: undefined, isAttached: false };
  const attributes = mountAttributes.noSuid | mountAttributes.noDevices | mountAttributes.noExec;
  const scratch = builder.slot();
  const cause = files.length > 0 ? "files" : "linux.maskedPaths";
  builder.child(
    {
      op: "fsMount",
      fields: {
        out: scratch,
        type: "tmpfs",
        source: "tiffin",
        options: ["mode=0755", "size=1m"],
        attributes,
      },
    },
    cause,
    "scratch tmpfs",
  );
  builder.child(
    {
      op: "moveMount",
      fields: { mount: scratch, root: place.root, path: place.path, create: missingTarget.refuse, mode: 0 },
    },
    cause,
    place.name,
  );
  const clones = new Map<string, number>();
  for (const [index, { path, content, mode }] of files.entries()) {
    const name = `file${index}`;
    const data = new TextEncoder().encode(content);
    builder.child(
      { op: "createFile", fields: { root: scratch, path: name, mode, uid: 0, gid: 0, content: data } },
      "files",
      cleanPath(path),
    );
    const clone = cloneOf(compilation, scratch, name, "files");
    if (compilation.spec.root?.readonly === true) makeReadOnly(compilation, clone, cleanPath(path));
    clones.set(cleanPath(path), clone);
  }
  const empty = needsEmpty ? emptyMount(compilation, scratch) : undefined;
  return { files: clones, empty, isAttached: true };
}

/** What lies over a read-only root is as closed as the root. */
function makeReadOnly({ builder }: Compilation, mount: number, path: string): void {
  builder.child(
    {
      op: "mountSetattr",
      fields: {
        mount,
        path: null,
        flags: 0,
        userns: slotNone,
        set: mountAttributes.readOnly,
        clear: 0,
        propagation: 0,
      },
    },
    "root.readonly",
    path,
  );
}

function cloneOf({ builder }: Compilation, dir: number, path: string, cause: string): number {
  const out = builder.slot();
  const flags = openTreeFlags.clone | openTreeFlags.closeOnExec;
  builder.child({ op: "openTree", fields: { out, dir, path, flags } }, cause);
  return out;
}

function emptyMount(compilation: Compilation, scratch: number): number {
  const { builder } = compilation;
  const cause = "linux.maskedPaths";
  builder.child(
    { op: "mkdir", fields: { root: scratch, path: "empty", mode: 0o555, uid: 0, gid: 0 } },
    cause,
  );
  const empty = cloneOf(compilation, scratch, "empty", cause);
  builder.child(
    {
      op: "mountSetattr",
      fields: {
        mount: empty,
        path: null,
        flags: 0,
        userns: slotNone,
        set: mountAttributes.readOnly,
        clear: 0,
        propagation: 0,
      },
    },
    cause,
    "empty",
  );
  builder.child(
    {
      op: "moveMount",
      fields: { mount: empty, root: scratch, path: "empty", create: missingTarget.refuse, mode: 0 },
    },
    cause,
  );
  return empty;
}

/** Attaches the root, over the scratch tmpfs. */
export function attachRoot({ builder }: Compilation, root: number, place: AttachPoint): void {
  builder.child(
    {
      op: "moveMount",
      fields: { mount: root, root: place.root, path: place.path, create: missingTarget.refuse, mode: 0 },
    },
    "root",
    place.name,
  );
}
