import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { own } from "../lib/own.ts";
import { mountAttributes } from "../linux/mount-flags.ts";
import { mappedId, type OciNamespaceType } from "../oci/mod.ts";
import { attach } from "./attach-mount.ts";
import { bindOfHost } from "./bind-mounts.ts";
import type { Compilation } from "./compilation.ts";
import type { MountContext } from "./mount-context.ts";
import { mountContext } from "./security-labels.ts";

/** Kernel file systems whose one superblock is shared: read-only belongs to the mount, never to them. */
const sharedTypes = new Set(["proc", "sysfs", "mqueue", "devpts", "tmpfs", "cgroup", "cgroup2"]);

/** Those that take an SELinux label of their own. */
const labelledTypes = new Set(["tmpfs", "devpts", "mqueue"]);

/** Where a plan refers to a descriptor in an option (see `fsMount`). */
const descriptorPlace = /\{(?:slot|fd):/;

/** Mounts it. Returns the slot that holds it, where one does. */
export function newFileSystem(compilation: Compilation, context: MountContext): number | undefined {
  const source = boundInstead(compilation, context);
  if (source !== undefined) {
    // What is mounted below the host's /sys must not be writable where /sys is not, and never more than it was.
    const own = { ...context.request.own, clear: 0 };
    const request = { ...context.request, bind: "recursive", own, tree: own } as const;
    bindOfHost(compilation, { ...context, request }, source);
    return undefined;
  }
  const mount = makeFileSystem(compilation, context);
  if (context.request.copyUp) copyUp(compilation, context, mount);
  takeMode(compilation, context, mount);
  if (isFilled(context) && (context.request.own.set & mountAttributes.readOnly) !== 0) {
    makeReadOnly(compilation, context, mount);
  }
  attach(compilation, context, mount);
  return mount;
}

/** Fills the new file system with what the image has at its place, while nothing covers that yet. */
function copyUp(
  { builder }: Compilation,
  { mount, root, destination, cause }: MountContext,
  to: number,
): void {
  // A mode that was asked for is not the image's to change.
  const keepTop = (mount.options ?? []).some((option) => option.startsWith("mode=")) ? 1 : 0;
  builder.child({ op: "copyTree", fields: { root, path: destination, to, keepTop } }, cause);
}

function makeReadOnly({ builder }: Compilation, { destination, cause }: MountContext, mount: number): void {
  const fields = { mount, path: null, flags: 0, userns: slotNone, clear: 0, propagation: 0 };
  builder.child(
    { op: "mountSetattr", fields: { ...fields, set: mountAttributes.readOnly } },
    cause,
    destination,
  );
}

/** A tmpfs whose mode nobody asked for has that of the directory which it covers. */
function takesMode({ mount, request }: MountContext): boolean {
  const isChosen = request.parameters.some((parameter) => parameter.startsWith("mode="));
  return mount.type === "tmpfs" && !request.copyUp && !isChosen;
}

/** Something is done to the new file system that it must be writable for. */
function isFilled(context: MountContext): boolean {
  return context.request.copyUp || takesMode(context);
}

export function takeMode({ builder }: Compilation, context: MountContext, to: number): void {
  if (!takesMode(context)) return;
  const { root, destination: path, cause } = context;
  builder.child({ op: "copyMode", fields: { root, path, to } }, cause);
}

/** File systems that show a namespace, and where the host has its own. */
const views: Readonly<Record<string, { readonly of: OciNamespaceType; readonly path: string }>> = {
  sysfs: { of: "network", path: "/sys" },
  mqueue: { of: "ipc", path: "/dev/mqueue" },
};

/** Whoever does not own the namespace that a file system shows may not mount it, but may bind the host's. */
function boundInstead(compilation: Compilation, { mount }: MountContext): string | undefined {
  const { facts, namespaces, options } = compilation;
  const view = own(views, mount.type ?? "");
  if (view === undefined || namespaces.created.has(view.of)) return undefined;
  if (namespaces.created.has("user")) return view.path;
  const isInside = namespaces.joined.has("user") || facts.identity.inUserNamespace;
  // One that was joined belongs to the same user namespace, unless we are told; the one that we came with is the host's.
  const isForeign = options.foreignNamespaces?.includes(view.of) ?? false;
  return isInside && (isForeign || !namespaces.joined.has(view.of)) ? view.path : undefined;
}

/** The detached mount with its attributes. */
export function makeFileSystem(compilation: Compilation, context: MountContext): number {
  const { builder } = compilation;
  const { mount, request, cause } = context;
  const type = mount.type;
  // A new mount is its whole tree; there is nothing to be cleared in it.
  const attributes = (request.tree.set & ~request.own.clear) | request.own.set;
  if (type === undefined || type === "" || type === "none") {
    throw new TiffinError("invalid", "plan.mount-type", `${cause} has neither a type nor the option bind`);
  }
  const out = builder.slot();
  builder.child(
    {
      op: "fsMount",
      fields: {
        out,
        type,
        source: mount.source ?? type,
        options: parameters(compilation, context, type),
        // What is to be filled becomes read-only afterwards.
        attributes: isFilled(context) ? attributes & ~mountAttributes.readOnly : attributes,
      },
    },
    cause,
    `${type} for ${context.destination}`,
  );
  return out;
}

function parameters(
  { linux, builder, facts }: Compilation,
  { request, cause }: MountContext,
  type: string,
): string[] {
  const list = request.parameters.filter((parameter) => {
    const group = /^gid=(\d+)$/.exec(parameter)?.[1];
    if (group === undefined || mappedId(linux.gidMappings, Number(group)) !== undefined) return true;
    builder.warn(`${cause}: group ${group} is not mapped in the user namespace, gid= is left out`);
    return false;
  });
  if (!sharedTypes.has(type) && (request.own.set & mountAttributes.readOnly) !== 0) list.unshift("ro");
  const context = labelledTypes.has(type) ? mountContext(linux.mountLabel, facts) : undefined;
  if (context !== undefined) list.push(context);
  // The executor would put a descriptor of its own in their place, such as one that leads to the host's root.
  const forged = list.find((option) => descriptorPlace.test(option));
  if (forged !== undefined) {
    throw new TiffinError(
      "invalid",
      "plan.mount-option",
      `${cause} has the option ${JSON.stringify(forged)}, whose value no file system takes`,
    );
  }
  return list;
}
