/**
 * The root file system: made detached in `prepare` with the host's rights, attached only inside the child's
 * private mount namespace. The host never sees it, so nothing of it can leak there.
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { mountAttributes, mountPropagations, openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import type { Compilation } from "./compilation.ts";
import { idmapSlotName } from "./identity.ts";
import type { RootSource } from "./options.ts";

/** fsconfig takes strings of up to 255 bytes; longer paths go through a descriptor. */
const optionBytes = 255;
/** What a descriptor's path takes in the old, joined `lowerdir=` option: `/proc/self/fd/nnn:`. */
const slotPathBytes = 18;

const utf8 = new TextEncoder();

/** Makes the root; returns the slot of its detached mount. */
export function prepareRoot(compilation: Compilation): number {
  const { rootfs } = compilation.options;
  return rootfs.kind === "overlay"
    ? overlayRoot(compilation, rootfs)
    : directoryRoot(compilation, rootfs.path);
}

function directoryRoot({ builder }: Compilation, path: string): number {
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
        propagation: mountPropagations.private,
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
  // Only the layers, which many containers share. What this one writes is stored with the ids of its mapping: the
  // overlay makes its work files as the host's root, whom a mapping of the upper directory would not contain.
  const mapping = rootfs.idmap === true ? idmapSlot(compilation) : undefined;
  const options = [
    ...lowerOptions(compilation, rootfs.lowers, mapping),
    `upperdir=${shortPath(compilation, rootfs.upper)}`,
    `workdir=${shortPath(compilation, rootfs.work)}`,
  ];
  // With an index, the kernel would refuse an upper directory whose copy lies elsewhere.
  options.push("index=off");
  if (rootfs.userxattr === true) options.push("userxattr");
  if (linux.mountLabel !== undefined && linux.mountLabel !== "") options.push(`context=${linux.mountLabel}`);
  const out = builder.slot();
  builder.prepare(
    { op: "fsMount", fields: { out, type: "overlay", source: "overlay", options, attributes: 0 } },
    "root",
    "overlay",
  );
  return out;
}

function lowerOptions(
  compilation: Compilation,
  lowers: readonly string[],
  mapping: number | undefined,
): string[] {
  const slotOf = (path: string): number =>
    mapping === undefined ? openDirectory(compilation, path) : mappedLayer(compilation, path, mapping);
  if (compilation.facts.features.overlayLowerdirAdd) {
    return lowers.map((path) => {
      const place = mapping === undefined ? shortPath(compilation, path) : `{slot:${slotOf(path)}}`;
      return `lowerdir+=${place}`;
    });
  }
  if (lowers.length * slotPathBytes > optionBytes) {
    throw new TiffinError(
      "unavailable",
      "plan.too-many-layers",
      `this kernel joins at most ${Math.floor(optionBytes / slotPathBytes)} layers, the image has ${lowers.length}`,
      { remedy: "use Linux 6.8 or newer" },
    );
  }
  return [`lowerdir=${lowers.map((path) => `{slot:${slotOf(path)}}`).join(":")}`];
}

/** The path itself when fsconfig can take it, else through a descriptor. Commas and colons need no escape here. */
function shortPath(compilation: Compilation, path: string): string {
  return utf8.encode(path).length <= optionBytes ? path : `{slot:${openDirectory(compilation, path)}}`;
}

function openDirectory({ builder, open }: Compilation, path: string): number {
  const out = builder.slot();
  const flags = open.path | open.directory | open.closeOnExec;
  builder.prepare({ op: "open", fields: { out, dir: slotNone, path, flags, mode: 0, resolve: 0 } }, "root");
  return out;
}

/** A detached clone of a layer directory whose owners are shown through the mapping. */
function mappedLayer(compilation: Compilation, path: string, userns: number): number {
  const { builder } = compilation;
  const out = builder.slot();
  const flags = openTreeFlags.clone | openTreeFlags.closeOnExec;
  builder.prepare({ op: "openTree", fields: { out, dir: slotNone, path, flags } }, "root");
  builder.prepare(
    {
      op: "mountSetattr",
      fields: {
        mount: out,
        path: null,
        flags: 0,
        userns,
        set: mountAttributes.idMap,
        clear: 0,
        propagation: 0,
      },
    },
    "linux.uidMappings",
    path,
  );
  return out;
}

function idmapSlot({ builder, linux }: Compilation): number {
  return builder.received(idmapSlotName(linux.uidMappings ?? [], linux.gidMappings ?? []));
}
