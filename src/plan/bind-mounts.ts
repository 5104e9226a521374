/**
 * Binds: a detached clone of a host directory or file, made in `prepare` with the host's rights and in the host's
 * mount namespace (only there is it a peer of the source, for `shared` and `slave`), finished before anybody can
 * see it.
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { mountAttributes, mountPropagations, openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import { attach } from "./attach-mount.ts";
import type { Compilation } from "./compilation.ts";
import { idmapSlotName } from "./identity.ts";
import type { MountContext } from "./mount-context.ts";

interface Change {
  readonly set: number;
  readonly clear: number;
  readonly propagation: number;
  readonly recursive: boolean;
}

export function bindMount(compilation: Compilation, context: MountContext): void {
  const { mount, cause } = context;
  const { source } = mount;
  if (source === undefined || !source.startsWith("/")) {
    throw new TiffinError(
      "invalid",
      "plan.bind-source",
      `${cause}.source is ${JSON.stringify(source ?? null)}, wanted an absolute path of the host`,
    );
  }
  bindOfHost(compilation, context, source);
}

/** Binds `source` of the host at the destination, with the attributes of the mount's options. */
export function bindOfHost(compilation: Compilation, context: MountContext, source: string): void {
  const out = detachedBind(compilation, context, source);
  const { propagation: _done, ...rest } = context.request;
  attach(
    compilation,
    { ...context, request: { ...rest, propagation: null } },
    out,
    bindKind(compilation, context),
  );
}

/** Whether a bind shows a file or a directory. */
export function bindKind({ options }: Compilation, { index }: MountContext): "file" | "directory" {
  return options.bindSources?.get(index)?.kind ?? "directory";
}

/** The slot of a mount of `source` as the options want it, attached nowhere yet. */
export function detachedBind(compilation: Compilation, context: MountContext, source: string): number {
  const { options, builder } = compilation;
  const { index, request } = context;
  const known = options.bindSources?.get(index);
  const recursive = request.bind !== "single";
  const out =
    known?.detached === true ? builder.received(`bind:${index}`) : cloned(compilation, context, source);
  const allowed = known?.keeps === undefined ? context : keepLocked(compilation, context, known.keeps);
  for (const change of changesOf(allowed, recursive))
    setAttributes(compilation, context, out, change, source);
  mapOwners(compilation, context, out, recursive);
  return out;
}

/** The slot of a detached clone of the source. */
function cloned(
  { builder, options }: Compilation,
  { index, request, cause }: MountContext,
  source: string,
): number {
  const out = builder.slot();
  const recursive = request.bind !== "single" ? openTreeFlags.recursive : 0;
  const flags = openTreeFlags.clone | openTreeFlags.closeOnExec | recursive;
  const fields =
    options.bindSources?.get(index)?.received === true
      ? { out, dir: builder.received(`bind:${index}`), path: null, flags }
      : { out, dir: slotNone, path: source, flags };
  builder.prepare({ op: "openTree", fields }, cause, source);
  return out;
}

/** Engines write `rw` without thinking of the source: what cannot be loosened stays as it is, as with other runtimes. */
function keepLocked({ builder }: Compilation, context: MountContext, keeps: number): MountContext {
  const { request, mount, cause } = context;
  const { accessTimeMask } = mountAttributes;
  const { set, clear } = request.own;
  if ((clear & keeps) !== 0) {
    builder.warn(`${cause}: ${mount.source ?? ""} is restricted by the host's mount, which stays in force`);
  }
  const own = { set: set & ~accessTimeMask, clear: clear & ~keeps & ~accessTimeMask };
  return { ...context, request: { ...request, own } };
}

/** Attributes and propagation, in as few calls as they take: one, or one for the tree and one for its top. */
function changesOf({ request }: MountContext, recursive: boolean): Change[] {
  const propagation = request.propagation ?? { type: mountPropagations.private, recursive: true };
  const tree: Change = {
    ...request.tree,
    propagation: propagation.recursive ? propagation.type : 0,
    recursive: true,
  };
  const own: Change = {
    ...request.own,
    propagation: propagation.recursive ? 0 : propagation.type,
    recursive: false,
  };
  if (!recursive) {
    const set = (tree.set & ~own.clear) | own.set;
    const clear = (tree.clear & ~own.set) | own.clear;
    return [{ set, clear, propagation: propagation.type, recursive: false }];
  }
  return [tree, own].filter(({ set, clear, propagation: type }) => set !== 0 || clear !== 0 || type !== 0);
}

function setAttributes(
  { builder }: Compilation,
  { cause }: MountContext,
  mount: number,
  { set, clear, propagation, recursive }: Change,
  source: string,
): void {
  const flags = recursive ? atFlags.recursive : 0;
  builder.prepare(
    {
      op: "mountSetattr",
      fields: { mount, path: null, flags, userns: slotNone, set, clear, propagation },
    },
    cause,
    `clone of ${source}`,
  );
}

/** Shows the owners through a mapping: the mount's own, or the container's for the options idmap and ridmap. */
function mapOwners(compilation: Compilation, context: MountContext, mount: number, recursive: boolean): void {
  const name = bindIdmapSlot(compilation, context);
  if (name === undefined) return;
  if (!compilation.facts.features.idmappedMounts) {
    throw new TiffinError(
      "unavailable",
      "plan.no-idmap",
      `${context.cause} needs idmapped mounts, which this kernel lacks`,
      { remedy: "use Linux 5.12 or newer" },
    );
  }
  const wholeTree = recursive && context.request.idmap !== "single";
  compilation.builder.prepare(
    {
      op: "mountSetattr",
      fields: {
        mount,
        path: null,
        flags: wholeTree ? atFlags.recursive : 0,
        userns: compilation.builder.received(name),
        set: mountAttributes.idMap,
        clear: 0,
        propagation: 0,
      },
    },
    `${context.cause}.uidMappings`,
    "owners",
  );
}

/** Name of the slot with the mapping of a bind; undefined when it has none. */
export function bindIdmapSlot(
  { linux }: Pick<Compilation, "linux">,
  { mount, request }: Pick<MountContext, "mount" | "request">,
): string | undefined {
  const own = (mount.uidMappings ?? []).length > 0 || (mount.gidMappings ?? []).length > 0;
  if (!own && request.idmap === "no") return undefined;
  const { uidMappings = [], gidMappings = [] } = own ? mount : linux;
  if (uidMappings.length > 0 && gidMappings.length > 0) return idmapSlotName(uidMappings, gidMappings);
  throw new TiffinError(
    "invalid",
    "plan.half-an-id-map",
    `the mount at ${mount.destination} is to be id-mapped, which needs uidMappings and gidMappings, its own or those of linux`,
  );
}
