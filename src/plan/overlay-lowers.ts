/**
 * The layers of an overlay as its options name them, and what must be true around the mount that reads the options.
 * What differs between kinds of layers and between kernels stands in the plan as ops of its own:
 *
 * - Without `lowerdir+` all layers are one option of at most 255 bytes. Numbers of descriptors are short, and
 *   paths too while the working directory is /proc/self/fd.
 * - A mounted image comes as a descriptor; it is the same mount in all containers, so they share its pages.
 * - Where overlayfs refuses a lower directory that is attached nowhere, a layer with mapped owners is attached over
 *   itself in a mount namespace that the supervisor enters for this and leaves again. The overlay keeps what it
 *   needs of it; the namespace ends there.
 * - There the caller attaches mounted images in a mount namespace that is received, and the supervisor enters that one.
 */
import { missingTarget, slotNone, slotReference } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { cloneFlags } from "../linux/clone-flags.ts";
import { mountAttributes, openTreeFlags } from "../linux/mount-flags.ts";
import type { Compilation } from "./compilation.ts";
import { idmapSlotName } from "./identity.ts";
import { type LowerLayer, layersSlotName, lowerSlotName, type RootSource, sizedSlotName } from "./options.ts";
import { isolateMounts } from "./private-mounts.ts";

/** fsconfig takes strings of up to 255 bytes; longer paths go through a descriptor. */
const optionBytes = 255;
/** What a layer takes in the joined option: a number of up to three digits and a colon. */
const joinedBytes = 4;
const descriptors = "/proc/self/fd";

/** overlayfs gives a meaning to commas, colons and backslashes, each kernel in its own way. */
const plainPath = new RegExp(`^[A-Za-z0-9/._+@%~-]{1,${optionBytes}}$`);

/** What an overlay is made of, as options of its mount. */
export interface OverlayDirectories {
  readonly lowers: readonly string[];
  /** Where it is written. */
  readonly own: readonly string[];
}

type Overlay = RootSource & { readonly kind: "overlay" };

function ownDirectories(compilation: Compilation, { upper, work }: Overlay): string[] {
  return [`upperdir=${directoryOption(compilation, upper)}`, `workdir=${directoryOption(compilation, work)}`];
}

/** Directories of a received mount, which older kernels want to be attached. */
function sizedDirectories(
  compilation: Compilation,
  { upper, work }: Overlay,
  { place }: { readonly place: string },
  attach: boolean,
): string[] {
  const { builder, open } = compilation;
  const mount = builder.received(sizedSlotName);
  const cause = "root";
  if (attach) {
    const fields = { mount, root: slotNone, path: place, create: missingTarget.refuse, mode: 0 };
    builder.prepare({ op: "moveMount", fields }, cause, "file system of limited size");
  }
  const opened = (path: string): string => {
    const out = builder.slot();
    const flags = open.path | open.directory | open.closeOnExec;
    builder.prepare(
      { op: "open", fields: { out, dir: mount, path, flags, mode: 0, resolve: 0 } },
      cause,
      `${path} of limited size`,
    );
    return `${slotReference.path}${out}}`;
  };
  return [`upperdir=${opened(upper)}`, `workdir=${opened(work)}`];
}

/** Makes the layers ready, lets `mount` use them with the options that name them, and puts everything back. */
export function withLowers<T>(
  compilation: Compilation,
  rootfs: RootSource & { readonly kind: "overlay" },
  mount: (options: OverlayDirectories) => T,
): T {
  const { features } = compilation.facts;
  const plainOwn = rootfs.sized === undefined ? ownDirectories(compilation, rootfs) : [];
  // Only the layers, which many containers share. What this one writes is stored with the ids of its mapping: the
  // overlay makes its work files as the host's root, whom a mapping of the upper directory would not contain.
  const mapped = rootfs.idmap === true;
  const attached = mapped && !features.overlayDetachedLowers;
  const received = rootfs.lowers.some((lower) => lower.kind === "image" && lower.attached !== undefined);
  const attachesOwn = rootfs.sized !== undefined && !features.overlayDetachedLowers;
  const home = attached || attachesOwn || received ? rememberMounts(compilation) : slotNone;
  if (received) enterMounts(compilation, compilation.builder.received(layersSlotName), "mounted images");
  if (attached || attachesOwn) makeOwnMounts(compilation);
  const own =
    rootfs.sized === undefined ? plainOwn : sizedDirectories(compilation, rootfs, rootfs.sized, attachesOwn);
  const layers = rootfs.lowers.map(placed).map((lower, index) => {
    if (lower.kind === "image") return imageLayer(compilation, lower, index, mapped);
    if (mapped) return mappedLayer(compilation, { dir: slotNone, path: lower.path }, lower.path, attached);
    const isPlain = features.overlayLowerdirAdd && plainPath.test(lower.path);
    return isPlain ? lower.path : openDirectory(compilation, lower.path);
  });
  const made = features.overlayLowerdirAdd
    ? mount({
        lowers: layers.map(
          (layer) => `lowerdir+=${typeof layer === "string" ? layer : `${slotReference.path}${layer}}`}`,
        ),
        own,
      })
    : joined(compilation, layers, (lowers) => mount({ lowers, own }));
  if (home !== slotNone) enterMounts(compilation, home, "mount namespace of the host");
  return made;
}

/** An image that is attached somewhere is a directory. */
function placed(lower: LowerLayer): LowerLayer {
  if (lower.kind !== "image" || lower.attached === undefined) return lower;
  return { kind: "directory", path: lower.attached.place };
}

function joined<T>(
  compilation: Compilation,
  layers: readonly (number | string)[],
  mount: (options: readonly string[]) => T,
): T {
  checkJoined(layers.length);
  changeDirectory(compilation, descriptors);
  const made = mount([`lowerdir=${layers.map((layer) => `${slotReference.number}${layer}}`).join(":")}`]);
  changeDirectory(compilation, "/");
  return made;
}

/** The path itself when fsconfig and overlayfs take it as it is, else through a descriptor. */
function directoryOption(compilation: Compilation, path: string): string {
  return plainPath.test(path) ? path : `{slot:${openDirectory(compilation, path)}}`;
}

function checkJoined(layers: number): void {
  const limit = Math.floor(optionBytes / joinedBytes);
  if (layers <= limit) return;
  throw new TiffinError(
    "unavailable",
    "plan.too-many-layers",
    `this kernel joins at most ${limit} layers, the image has ${layers}`,
    { remedy: "use Linux 6.8 or newer" },
  );
}

function changeDirectory({ builder }: Compilation, path: string): void {
  builder.prepare({ op: "chdir", fields: { path } }, "root");
}

function openDirectory({ builder, open }: Compilation, path: string): number {
  const out = builder.slot();
  const flags = open.path | open.directory | open.closeOnExec;
  builder.prepare({ op: "open", fields: { out, dir: slotNone, path, flags, mode: 0, resolve: 0 } }, "root");
  return out;
}

/** A mounted image is used as it is received; with mapped owners, a clone of that mount. */
function imageLayer(
  compilation: Compilation,
  { path }: LowerLayer & { readonly kind: "image" },
  index: number,
  mapped: boolean,
): number {
  if (!compilation.facts.features.overlayDetachedLowers) {
    throw new TiffinError(
      "unavailable",
      "plan.no-detached-layers",
      `this kernel joins no mounted image into an overlay: ${path} is attached nowhere`,
      { remedy: "use Linux 6.15 or newer, or keep layers as directories" },
    );
  }
  const received = compilation.builder.received(lowerSlotName(index));
  return mapped ? mappedLayer(compilation, { dir: received, path: null }, path, false) : received;
}

/** A clone of a layer whose owners are shown through the mapping; attached over the layer's directory if asked. */
function mappedLayer(
  compilation: Compilation,
  from: { readonly dir: number; readonly path: string | null },
  path: string,
  attached: boolean,
): number {
  const { builder, linux } = compilation;
  const out = builder.slot();
  const cause = "linux.uidMappings";
  const flags = openTreeFlags.clone | openTreeFlags.closeOnExec;
  builder.prepare({ op: "openTree", fields: { out, ...from, flags } }, "root", path);
  builder.prepare(
    {
      op: "mountSetattr",
      fields: {
        mount: out,
        path: null,
        flags: 0,
        userns: builder.received(idmapSlotName(linux.uidMappings ?? [], linux.gidMappings ?? [])),
        set: mountAttributes.idMap,
        clear: 0,
        propagation: 0,
      },
    },
    cause,
    path,
  );
  if (attached) {
    const fields = { mount: out, root: slotNone, path, create: missingTarget.refuse, mode: 0 };
    builder.prepare({ op: "moveMount", fields }, cause);
  }
  return out;
}

/** The slot of the mount namespace that the supervisor comes from. */
function rememberMounts({ builder, open }: Compilation): number {
  const home = builder.slot();
  const path = "/proc/self/ns/mnt";
  const flags = open.readOnly | open.closeOnExec;
  const fields = { out: home, dir: slotNone, path, flags, mode: 0, resolve: 0 };
  builder.prepare({ op: "open", fields }, "root");
  return home;
}

/** A copy of the mount namespace that the supervisor is in, which ends with this. */
function makeOwnMounts(compilation: Compilation): void {
  const cause = "linux.uidMappings";
  const fields = { flags: cloneFlags.newMount };
  compilation.builder.prepare({ op: "unshare", fields }, cause, "a place for layers");
  isolateMounts(compilation, "prepare", cause);
}

function enterMounts({ builder }: Compilation, slot: number, what: string): void {
  builder.prepare({ op: "setns", fields: { slot, nstype: cloneFlags.newMount } }, "root", what);
}
