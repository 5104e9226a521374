/**
 * An OCI specification becomes a plan. Pure: the host is known through `facts` only. This file is the order of a
 * start; what each step means is in the section that it calls.
 */
import { missingTarget, slotNone } from "../abi/schema.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { mountAttributes } from "../linux/mount-flags.ts";
import type { RuntimeSpec } from "../oci/mod.ts";
import { beginCompilation } from "./begin-compilation.ts";
import { cloneCgroupSlot, compileCgroupHostOps, enterCgroups } from "./cgroups.ts";
import { changeRoot } from "./change-root.ts";
import { type Compilation, hasUserNamespace } from "./compilation.ts";
import { cleanPath } from "./container-path.ts";
import { otherDevices } from "./devices.ts";
import { hostId, mapFileText, mapsNeedHelpers } from "./identity.ts";
import { makeReadOnlyLate } from "./late-read-only.ts";
import { childMarks, supervisorMarks } from "./marks.ts";
import { coverFiles, hidePaths, makeRootReadOnly, setRootPropagation } from "./masks.ts";
import { compileMounts, type MountedSlots } from "./mounts.ts";
import {
  cloneNamespaceFlags,
  joinInChild,
  joinInSupervisor,
  prepareTimeNamespace,
  raiseLoopback,
} from "./namespaces.ts";
import { type ContainerOptions, syncIds } from "./options.ts";
import type { Plan } from "./plan.ts";
import {
  attachRoot,
  enterAttachPoint,
  isolateMounts,
  makeScratch,
  openAttachPoint,
  type Scratch,
} from "./private-mounts.ts";
import { awaitNetworkOnce, inheritScore, writeSettingsWithoutProc } from "./proc-mount.ts";
import { becomeProgram, forkInit, openOwnFiles, runHook } from "./process.ts";
import { prepareRoot } from "./root.ts";
import { openLabelProc, wantedLabel } from "./security-labels.ts";
import { connectStdio } from "./stdio.ts";
import { finishParent, holdParent } from "./supervise.ts";
import { groupsRule, setGroups } from "./supplementary-groups.ts";
import { compileTerminal } from "./terminal.ts";

/**
 * The plan that starts a container. Throws TiffinError: `invalid` for a specification that cannot be,
 * `notImplemented` for what is not supported, `unavailable` for what this kernel lacks.
 */
export function compileContainer(spec: RuntimeSpec, facts: HostFacts, options: ContainerOptions): Plan {
  const compilation = beginCompilation(spec, facts, options);
  const { builder } = compilation;
  compileCgroupHostOps(compilation);
  openOwnFiles(builder, facts);
  prepareTimeNamespace(compilation);
  const rootOfHost = options.unprivileged === true ? undefined : prepareRoot(compilation);
  enterAttachPoint(compilation);
  inheritScore(compilation);

  enterOwnUserNamespace(compilation);
  enterCgroups(compilation);
  joinInChild(compilation);
  raiseLoopback(compilation);
  isolateMounts(compilation);
  const root = rootOfHost ?? prepareRoot(compilation);
  // Before anything covers the host's /dev.
  const hostNull = needsHostNull(compilation) ? openHostNull(compilation) : undefined;
  mountHookBundle(compilation);
  const place = openAttachPoint(compilation);
  const scratch = makeScratch(compilation, place);
  attachRoot(compilation, root, place);
  const mounted = compileMounts(compilation, root);
  otherDevices(compilation, root);
  writeSettingsWithoutProc(compilation);
  coverFiles(compilation, root, scratch);
  makeWorkingDirectory(compilation, root);
  hide(compilation, root, scratch, mounted, hostNull);
  // Hooks may write to the root whatever the program may.
  const hooks = options.hooks?.bundle === undefined ? [] : options.hooks.createContainer;
  if (hooks.length === 0) makeRootReadOnly(compilation, root);

  meetHost(compilation);
  for (const hook of options.hooks?.createContainer ?? []) runHook(builder, hook, "hooks.createContainer");
  if (hooks.length > 0) makeRootReadOnly(compilation, root);
  const ends = connect(compilation, root, mounted);
  makeReadOnlyLate(compilation, mounted.late);
  changeRoot(compilation, root, scratch.isAttached ? place : undefined);
  setRootPropagation(compilation, root);
  nameHost(compilation);
  joinKeyring(compilation);
  awaitNetworkOnce(compilation);
  const label = wantedLabel(compilation.process, facts);
  becomeProgram({
    builder,
    process: compilation.process,
    facts,
    options,
    ownUserNamespace: hasUserNamespace(compilation),
    groups: groupsRule(compilation.linux, facts.identity),
    init: options.init === true && options.stdio.kind !== "terminal",
    hooks: options.hooks?.startContainer ?? [],
    linux: compilation.linux,
    ...(label === undefined ? {} : { label: { ...label, proc: openLabelProc(builder, label) } }),
  });

  joinInSupervisor(compilation);
  runParent(compilation, ends);
  const flags = cloneNamespaceFlags(compilation.namespaces);
  const cgroup = cloneCgroupSlot(builder, compilation.cgroups.v2);
  builder.prepare({ op: "clone", fields: { flags, cgroup } }, "linux.namespaces", "new process");
  return builder.finish();
}

/** The child waits for its ids and becomes the namespace's root. */
function enterOwnUserNamespace(compilation: Compilation): void {
  const { builder, facts, linux, namespaces } = compilation;
  if (!hasUserNamespace(compilation)) return;
  const cause = "linux.uidMappings";
  if (namespaces.created.has("user")) {
    builder.child({ op: "awaitPeer", fields: { mark: supervisorMarks.idMap } }, cause, "id maps");
  }
  setGroups(builder, groupsRule(linux, facts.identity), [], cause);
  builder.child({ op: "setIds", fields: { uid: 0, gid: 0 } }, cause, "root of the namespace");
}

/** The null device under masks: the container's own where that is a fresh node, else the host's. */
function needsHostNull(compilation: Compilation): boolean {
  const { linux, spec } = compilation;
  if ((linux.maskedPaths ?? []).length === 0) return false;
  return !(spec.mounts ?? []).some(
    ({ type, destination }) => type === "tmpfs" && cleanPath(destination) === "/dev",
  );
}

function openHostNull(compilation: Compilation): number {
  return openNull(compilation, slotNone, "/dev/null");
}

function openNull({ builder, open }: Compilation, dir: number, path: string): number {
  const out = builder.slot();
  const flags = open.path | open.closeOnExec;
  const fields = { out, dir, path, flags, mode: 0, resolve: 0 };
  builder.child({ op: "open", fields }, "linux.maskedPaths", "/dev/null");
  return out;
}

function hide(
  compilation: Compilation,
  root: number,
  scratch: Scratch,
  mounted: MountedSlots,
  hostNull: number | undefined,
): void {
  if (scratch.empty === undefined) {
    hidePaths(compilation, root, scratch, mounted.attached, slotNone);
    return;
  }
  const { dev } = mounted;
  const ownNull = (): number =>
    dev === undefined ? openNull(compilation, root, "/dev/null") : openNull(compilation, dev, "null");
  hidePaths(compilation, root, scratch, mounted.attached, hostNull ?? ownNull());
}

function makeWorkingDirectory({ builder, options, process }: Compilation, root: number): void {
  const path = cleanPath(process.cwd);
  if (options.createWorkdir !== true || path === "/") return;
  builder.child({ op: "mkdir", fields: { root, path, mode: 0o755, uid: 0, gid: 0 } }, "process.cwd");
}

function connect(
  compilation: Compilation,
  root: number,
  mounted: MountedSlots,
): ReturnType<typeof connectStdio> {
  const { builder, options, process, linux, open, spec } = compilation;
  const { stdio } = options;
  if (stdio.kind === "terminal") {
    // PID 1 forks first, so that the program is the leader of the terminal's session.
    if (options.init === true) forkInit(builder);
    compileTerminal({
      builder,
      stdio,
      user: process.user,
      root,
      hasPts: mounted.hasPts,
      mounts: spec.mounts ?? [],
      console: true,
    });
  }
  const owner = {
    uid: hostId(linux.uidMappings, process.user.uid, "user"),
    gid: hostId(linux.gidMappings, process.user.gid, "group"),
  };
  return connectStdio({ builder, stdio, owner, open, dev: mounted.dev });
}

/** What hooks are told of lies over a directory of the host, in the child's mount namespace alone. */
function mountHookBundle({ builder, options }: Compilation): void {
  const bundle = options.hooks?.bundle;
  if (bundle === undefined) return;
  const cause = "hooks";
  const out = builder.slot();
  const attributes = mountAttributes.noSuid | mountAttributes.noDevices | mountAttributes.noExec;
  const size = ["mode=0700", "size=64m"];
  const file = { root: out, path: "config.json", mode: 0o600, uid: 0, gid: 0 };
  const content = new TextEncoder().encode(bundle.configuration);
  const made = {
    op: "fsMount",
    fields: { out, type: "tmpfs", source: "tiffin", options: size, attributes },
  } as const;
  builder.child(made, cause, "bundle");
  const { refuse } = missingTarget;
  const place = { mount: out, root: slotNone, path: bundle.place, create: refuse, mode: 0 };
  builder.child({ op: "moveMount", fields: place }, cause);
  builder.child(
    { op: "mkdir", fields: { root: out, path: bundle.root, mode: 0o755, uid: 0, gid: 0 } },
    cause,
  );
  builder.child({ op: "createFile", fields: { ...file, content } }, cause, "config.json");
}

/** The child waits, with all of its mounts and the host's root still in reach, for what the caller does then. */
function meetHost({ builder, options }: Compilation): void {
  if (options.syncEnvironment !== true) return;
  const cause = "hooks";
  builder.child({ op: "signalPeer", fields: { mark: childMarks.mounted } }, cause);
  builder.child({ op: "awaitPeer", fields: { mark: supervisorMarks.environment } }, cause);
}

function nameHost({ builder, spec }: Compilation): void {
  const { hostname = "", domainname = "" } = spec;
  if (hostname !== "") builder.child({ op: "setHostname", fields: { name: hostname } }, "hostname");
  if (domainname !== "") builder.child({ op: "setDomainname", fields: { name: domainname } }, "domainname");
}

/** Without its own, a container would hold the engine's session keyring. */
function joinKeyring({ builder, options }: Compilation): void {
  if (options.sessionKeyring === false) return;
  builder.child({ op: "keyring", fields: { name: `tiffin-${options.id}` } }, "a session keyring of its own");
}

function mapIds(compilation: Compilation): void {
  const { builder, facts, linux } = compilation;
  const cause = "linux.uidMappings";
  if (mapsNeedHelpers(linux, facts.identity)) {
    builder.parent({ op: "sync", fields: { id: syncIds.idMaps } }, cause, "id maps by newuidmap, newgidmap");
  } else {
    const uidMap = mapFileText(linux.uidMappings ?? []);
    const gidMap = mapFileText(linux.gidMappings ?? []);
    const denySetgroups = groupsRule(linux, facts.identity) === "forbidden" ? 1 : 0;
    builder.parent({ op: "idMap", fields: { uidMap, gidMap, denySetgroups } }, cause);
  }
  builder.parent({ op: "signalPeer", fields: { mark: supervisorMarks.idMap } }, cause, "id maps");
}

function runParent(compilation: Compilation, ends: ReturnType<typeof connectStdio>): void {
  const { builder, namespaces, options } = compilation;
  if (namespaces.created.has("user")) mapIds(compilation);
  if (options.network.kind === "new") {
    builder.parent({ op: "sync", fields: { id: syncIds.network } }, "network", "wiring by the engine");
    builder.parent(
      { op: "signalPeer", fields: { mark: supervisorMarks.network } },
      "network",
      "wired network",
    );
  }
  if (options.syncEnvironment === true) {
    builder.parent({ op: "awaitPeer", fields: { mark: childMarks.mounted } }, "hooks");
    builder.parent({ op: "sync", fields: { id: syncIds.environment } }, "hooks");
    builder.parent({ op: "signalPeer", fields: { mark: supervisorMarks.environment } }, "hooks");
  }
  holdParent(builder, options);
  finishParent(builder, options, ends);
}
