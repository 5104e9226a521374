/**
 * The first mounts of the child: nothing it does may reach the host, and what binds will be cloned from must be
 * attached somewhere. All of it lies on the work mount and goes away with the old root at pivot_root.
 */

import { slotNone } from "../abi/schema.ts";
import { mountAttributes, mountPropagations, openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import { type Compilation, hasUserNamespace } from "./compilation.ts";
import { cleanPath } from "./container-path.ts";

const defaultWorkMount = "/dev";

export interface Scratch {
  /** Detached clones of the injected files, by container path. */
  readonly files: ReadonlyMap<string, number>;
  /** An empty directory as a read-only mount; undefined when nothing needs it. */
  readonly empty: number | undefined;
}

/** The child of a user namespace is nobody on the host and cannot reach a private directory. */
function workMount(compilation: Compilation): string {
  const { unprivileged = false } = compilation.options;
  if (hasUserNamespace(compilation) && !unprivileged) return defaultWorkMount;
  return compilation.options.workMount ?? defaultWorkMount;
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
export function makeScratch(compilation: Compilation): Scratch {
  const { builder, options, linux } = compilation;
  const files = options.files ?? [];
  const needsEmpty = (linux.maskedPaths ?? []).length > 0;
  if (files.length === 0 && !needsEmpty) return { files: new Map(), empty: undefined };
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
      fields: { mount: scratch, root: slotNone, path: workMount(compilation), create: 0, mode: 0 },
    },
    cause,
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
    clones.set(cleanPath(path), cloneOf(compilation, scratch, name, "files"));
  }
  return { files: clones, empty: needsEmpty ? emptyMount(compilation, scratch) : undefined };
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
    { op: "moveMount", fields: { mount: empty, root: scratch, path: "empty", create: 0, mode: 0 } },
    cause,
  );
  return empty;
}

/** Attaches the root at the work mount, over the scratch tmpfs. */
export function attachRoot(compilation: Compilation, root: number): void {
  compilation.builder.child(
    {
      op: "moveMount",
      fields: { mount: root, root: slotNone, path: workMount(compilation), create: 0, mode: 0 },
    },
    "root",
  );
}
