/**
 * The root file system: made detached in `prepare` with the host's rights, attached only inside the child's
 * private mount namespace. The host never sees it, so nothing of it can leak there.
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { mountPropagations, openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import { overlayOptions } from "../linux/overlay-options.ts";
import type { Compilation } from "./compilation.ts";
import type { RootSource } from "./options.ts";
import { withLowers } from "./overlay-lowers.ts";

/** Makes the root; returns the slot of its detached mount. */
export function prepareRoot(compilation: Compilation): number {
  const { rootfs } = compilation.options;
  return rootfs.kind === "overlay"
    ? overlayRoot(compilation, rootfs)
    : directoryRoot(compilation, rootfs.path);
}

function directoryRoot({ builder, linux }: Compilation, path: string): number {
  // Only here is the clone a peer of the host's mount, which a slave hears from.
  const isSlave = linux.rootfsPropagation === "slave" || linux.rootfsPropagation === "rslave";
  const out = builder.slot();
  const flags = openTreeFlags.clone | openTreeFlags.closeOnExec | openTreeFlags.recursive;
  builder.prepare({ op: "openTree", fields: { out, dir: slotNone, path, flags } }, "root.path");
  builder.prepare(
    {
      op: "mountSetattr",
      fields: {
        mount: out,
        path: null,
        flags: atFlags.recursive,
        userns: slotNone,
        set: 0,
        clear: 0,
        propagation: isSlave ? mountPropagations.slave : mountPropagations.private,
      },
    },
    "root.path",
    path,
  );
  return out;
}

function overlayRoot(compilation: Compilation, rootfs: RootSource & { readonly kind: "overlay" }): number {
  const { builder, facts, linux } = compilation;
  if (!facts.features.overlay) {
    throw new TiffinError("unavailable", "plan.no-overlay", "the kernel has no overlay file system", {
      remedy: "enable CONFIG_OVERLAY_FS or load the module overlay",
    });
  }
  const options = [
    ...overlayOptions,
    ...(rootfs.volatile === true ? ["volatile"] : []),
    ...(rootfs.userxattr === true ? ["userxattr"] : []),
    ...((linux.mountLabel ?? "") === "" ? [] : [`context=${linux.mountLabel}`]),
  ];
  return withLowers(compilation, rootfs, ({ lowers, own }) => {
    const out = builder.slot();
    const all = [...lowers, ...own, ...options];
    const fields = { out, type: "overlay", source: "overlay", options: all, attributes: 0 };
    builder.prepare({ op: "fsMount", fields }, "root", "overlay");
    return out;
  });
}
