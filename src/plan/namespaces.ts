/**
 * Which namespaces a container gets, new or joined, and in which process and order that happens.
 *
 * - pid: joined by the supervisor before the clone, because setns(CLONE_NEWPID) counts for children only.
 * - time: made by the supervisor (unshare counts for children only), since offsets must be written before a
 *   process is in it.
 * - user, new: clone3 makes it first, so that it owns the other new ones. Joining an existing namespace of the
 *   host needs the host's rights, so then the supervisor joins before the clone and goes back afterwards.
 * - user, joined: the supervisor enters it last of all, after everything that needs the host's rights, the other
 *   namespaces that exist among it: each may be owned by the host, by the one that is entered, or by a third, and only the host has
 *   rights over all. An ordinary user has none, and enters it first to get some.
 * - mount, joined: everything is looked up and mounted in it, and its root becomes the container's for all who are in it,
 *   as with other runtimes. It ends with the last of them.
 * - mount, neither new nor joined: the mounts are made in a new one all the same, which the child leaves with its root.
 * - cgroup: made by the child after it has moved into its group, so that the group is the root it sees.
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { cloneFlags, namespaceKinds } from "../linux/clone-flags.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import type { OciNamespaceType } from "../oci/mod.ts";
import type { Compilation, Namespaces } from "./compilation.ts";
import type { ContainerOptions } from "./options.ts";
import { dropGroupsBeforeEntry, groupsRule } from "./supplementary-groups.ts";

/** The CLONE_* flag of a kind of namespace. */
export function namespaceFlag(type: OciNamespaceType): number {
  return namespaceKinds[type].flag;
}

/** What the specification and the network option ask for. */
export function decideNamespaces(compilation: Pick<Compilation, "linux" | "options">): Namespaces {
  const { linux, options } = compilation;
  const created = new Set<OciNamespaceType>();
  const joined = new Map<OciNamespaceType, string | "slot">();
  for (const { type, path } of linux.namespaces ?? []) {
    if (created.has(type) || joined.has(type)) {
      throw new TiffinError("invalid", "plan.namespace-twice", `linux.namespaces has ${type} more than once`);
    }
    if (path === undefined || path === "") created.add(type);
    else joined.set(type, path);
  }
  if (options.network.kind === "new") {
    joined.delete("network");
    created.add("network");
  } else if (options.network.kind === "slot") {
    created.delete("network");
    joined.set("network", "slot");
  }
  const inheritsMounts = !created.has("mount") && !joined.has("mount");
  if (inheritsMounts) created.add("mount");
  if (joined.has("mount")) checkJoinedMounts(created, options);
  return { created, joined, inheritsMounts, has: (type) => created.has(type) || joined.has(type) };
}

/** All that a container has is made with rights that an ordinary user gets from a user namespace alone. */
export function checkRights(namespaces: Namespaces, { identity }: HostFacts): void {
  if (namespaces.has("user") || identity.effective.includes("CAP_SYS_ADMIN")) return;
  throw new TiffinError(
    "invalid",
    "plan.no-user-namespace",
    "linux.namespaces has no user namespace, without which an ordinary user cannot make a container",
    { remedy: 'add {"type": "user"} with uidMappings and gidMappings, as spec --rootless does' },
  );
}

/** The root is made in the mount namespace itself, by a process that must have rights over it. */
function checkJoinedMounts(created: ReadonlySet<OciNamespaceType>, { rootfs }: ContainerOptions): void {
  if (rootfs.kind !== "directory") {
    throw new TiffinError(
      "notImplemented",
      "plan.mount-namespace-joined",
      "linux.namespaces: an existing mount namespace is joined with a directory as root only",
    );
  }
  if (!created.has("user")) return;
  throw new TiffinError(
    "invalid",
    "plan.mount-namespace-of-others",
    "linux.namespaces: a new user namespace has no rights over a mount namespace that exists",
    { remedy: "join its user namespace, or make a new mount namespace" },
  );
}

/** A new time namespace for the child, with its offsets. */
export function prepareTimeNamespace({ builder, linux, namespaces, open }: Compilation): void {
  if (!namespaces.created.has("time")) return;
  builder.prepare(
    { op: "unshare", fields: { flags: cloneFlags.newTime } },
    "linux.namespaces",
    "time namespace",
  );
  const offsets = linux.timeOffsets;
  if (offsets === undefined) return;
  const lines = (["monotonic", "boottime"] as const).flatMap((clock) => {
    const offset = offsets[clock];
    return offset === undefined ? [] : [`${clock} ${offset.secs ?? 0} ${offset.nanosecs ?? 0}\n`];
  });
  if (lines.length === 0) return;
  const file = builder.slot();
  const path = "/proc/self/timens_offsets";
  const flags = open.writeOnly | open.closeOnExec;
  builder.prepare(
    { op: "open", fields: { out: file, dir: slotNone, path, flags, mode: 0, resolve: 0 } },
    "linux.timeOffsets",
  );
  const data = new TextEncoder().encode(lines.join(""));
  builder.prepare({ op: "write", fields: { dir: file, path: null, data } }, "linux.timeOffsets", path);
}

/** Flags of clone3. Time and cgroup namespaces are made by unshare. */
export function cloneNamespaceFlags(namespaces: Namespaces): number {
  let flags = 0;
  for (const type of namespaces.created) {
    if (type !== "time" && type !== "cgroup") flags += namespaceFlag(type);
  }
  return flags;
}

/**
 * Who joins a namespace that exists. A mount namespace is left to the child: the supervisor's paths are the host's. One that
 * stays with its process has no way back out of a user namespace, so it enters no other with it.
 */
function isJoinedBySupervisor(
  type: OciNamespaceType,
  { namespaces, options }: Pick<Compilation, "namespaces" | "options">,
): boolean {
  if (type === "pid" || type === "user") return true;
  if (namespaces.created.has("user")) return true;
  return namespaces.joined.has("user") && options.supervise.kind === "leave" && type !== "mount";
}

/** The namespaces that the child joins itself; the others wait for `joinInSupervisor`. */
export function joinInChild(compilation: Compilation): void {
  const { builder, namespaces } = compilation;
  for (const [type, path] of namespaces.joined) {
    if (isJoinedBySupervisor(type, compilation)) continue;
    const fields = { slot: openJoined(compilation, type, path), nstype: namespaceFlag(type) };
    builder.child({ op: "setns", fields }, causeOf(type, compilation), `${type} namespace`);
  }
}

/** A new network namespace has nothing but a loopback that is down, and whoever calls a runtime expects it to be up. */
export function raiseLoopback({ builder, namespaces, options }: Compilation): void {
  // The engine wires its own.
  if (options.network.kind !== "host" || !namespaces.created.has("network")) return;
  builder.child({ op: "loopbackUp", fields: {} }, "linux.namespaces", "lo");
}

/** What the supervisor joins: its last ops before the clone, since a user namespace ends its rights on the host. */
export function joinInSupervisor(compilation: Compilation): void {
  const { builder, facts, linux, namespaces, options } = compilation;
  // One that leaves anyway need not go back, which it may not even have the rights for.
  const returns = options.supervise.kind !== "leave";
  const userGoes = facts.identity.effective.includes("CAP_SYS_ADMIN") ? 1 : -1;
  const place = (type: OciNamespaceType): number => (type === "user" ? userGoes : 0);
  const rows = [...namespaces.joined]
    .filter(([type]) => isJoinedBySupervisor(type, compilation))
    .sort(([a], [b]) => place(a) - place(b))
    // All of them with the rights of before: a process of theirs may show its files to nobody in a user namespace.
    .map(([type, path]) => [type, openJoined(compilation, type, path)] as const);
  for (const [type, slot] of rows) {
    const [target, nstype] = [`${type} namespace`, namespaceFlag(type)];
    if (namespaces.created.has("user") && returns && type !== "pid") {
      const own = openNamespace(compilation, `/proc/self/ns/${namespaceKinds[type].file}`, type);
      const back = { op: "setns", fields: { slot: own, nstype } } as const;
      builder.parent(back, causeOf(type, compilation), `${target} of the host`);
    }
    if (type === "user")
      dropGroupsBeforeEntry(
        builder,
        groupsRule(linux, facts.identity),
        facts,
        "prepare",
        causeOf(type, compilation),
      );
    builder.prepare({ op: "setns", fields: { slot, nstype } }, causeOf(type, compilation), target);
  }
}

/** The slot of a namespace that exists. */
export function openJoined(compilation: Compilation, type: OciNamespaceType, path: string | "slot"): number {
  return path === "slot" ? compilation.builder.received("netns") : openNamespace(compilation, path, type);
}

function causeOf(type: OciNamespaceType, { options }: Compilation): string {
  return type === "network" && options.network.kind === "slot" ? "network" : "linux.namespaces";
}

function openNamespace({ builder, open }: Compilation, path: string, type: OciNamespaceType): number {
  const slot = builder.slot();
  // A pipe in its place is an error, and not waited for.
  const flags = open.readOnly | open.nonBlocking | open.closeOnExec;
  builder.prepare(
    { op: "open", fields: { out: slot, dir: slotNone, path, flags, mode: 0, resolve: 0 } },
    `linux.namespaces[${type}].path`,
  );
  return slot;
}
