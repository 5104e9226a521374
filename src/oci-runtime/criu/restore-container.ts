/**
 * The same container around it (groups, limits, record, hooks), but criu instead of the executor makes the processes.
 * criu runs in mounts of its own, which hold the root as the mount that it wants to see, and an empty directory for
 * masked ones; and in the container's groups, so that what it makes is there from birth.
 */

import { moveIntoCgroup } from "../../kernel/cgroup.ts";
import { descriptorStatus, pathStatus } from "../../kernel/directory.ts";
import {
  makeDirectory,
  openDirectory,
  openFile,
  openFlags,
  openInRoot,
  readLink,
  readTextIfPossible,
} from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import {
  bindMount,
  makeReadOnly,
  mountTmpfs,
  restrictMounts,
  startInPrivateMounts,
} from "../../kernel/private-mounts.ts";
import { probeOnDemand } from "../../kernel/probe.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { UndoStack } from "../../lib/undo-stack.ts";
import { unifiedHierarchy } from "../../linux/cgroup.ts";
import { parseMountInfo } from "../../linux/mountinfo.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import type { CriuOptions } from "../../runtime/criu/mod.ts";
import {
  type CriuProgram,
  CriuSession,
  checkCriu,
  criuFailure,
  externalSources,
  firstExtraFd,
  inheritedConnections,
  joinableNamespaces,
  lostAttributes,
  makeMountPoints,
} from "../../runtime/criu/mod.ts";
import type { ContainerGroup } from "../../runtime/groups/mod.ts";
import { isHookFailure, runHostHooks } from "../../runtime/hooks/mod.ts";
import { applyHostOps } from "../../runtime/host-ops.ts";
import type { CommandContext } from "../command.ts";
import {
  abandonRecord,
  type ContainerRecord,
  createRecord,
  type MainProcess,
  recordProcess,
  settleRecord,
} from "../container/container-record.ts";
import { endProcesses } from "../container/end-processes.ts";
import { hookState } from "../container/hook-state.ts";
import { runPoststop } from "../container/poststop.ts";
import { startTicksOf } from "../container/status.ts";
import { type Bundle, openBundle } from "../creation/bundle.ts";
import { sendTerminal } from "../creation/console-socket.ts";
import type { CreatedContainer } from "../creation/create-container.ts";
import type { CreateRequest } from "../creation/creation-request.ts";
import { prepare } from "../creation/decide-container.ts";
import { writePidFile } from "../creation/pid-file.ts";
import { planScopeFor } from "../creation/plan-scope.ts";
import { log } from "../error-log.ts";
import type { RuntimeHost } from "../host/host.ts";
import { findCriu } from "./find-criu.ts";
import { criuOptions, type ImageDirectories, openDirectories, reopenDirectories } from "./options.ts";

const systemdHierarchy = "name=systemd";
const logFile = "restore.log";
const standardNames = ["stdin", "stdout", "stderr"];
const searchableByOthers = 0o001;
const workOptions = "mode=0711,size=64k";
/** What may be bound from the host where a container cannot make devices. */
const usualDevices = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);

/** Restores the container. Throws TiffinError; then nothing is left of it. */
export async function restoreContainer(
  context: CommandContext,
  request: CreateRequest,
): Promise<CreatedContainer> {
  const undo = new UndoStack();
  const ending: Ending = {};
  try {
    const restored = await restore(context, request, undo, ending);
    undo.disarm();
    return restored;
  } catch (thrown) {
    ending.thrown = thrown;
    for (const failure of await undo.unwind()) log(request.log, "warning", `cleaning up: ${failure}`);
    throw thrown;
  }
}

/** Why the restore has ended, for what is undone after some ends only. */
interface Ending {
  thrown?: unknown;
}

async function restore(
  context: CommandContext,
  request: CreateRequest,
  undo: UndoStack,
  ending: Ending,
): Promise<CreatedContainer> {
  const { root, id, host } = request;
  const program = findCriu(context);
  using directories = openDirectories(context, false);
  const bundle = openBundle(request.bundle, host);
  using console = request.console(bundle.spec);
  checkReadable(bundle.spec, directories);
  const abilities = await checkCriu(program);
  const probed = probeOnDemand();
  using scope = request.systemdCgroup ? await planScopeFor(id, bundle.spec, probed, host) : undefined;
  const { plan, record, inherited, facts } = await prepare(request, bundle, probed, scope);
  undo.push("poststop hooks", async () => {
    if (isHookFailure(ending.thrown)) await runPoststop(id, record, request);
  });
  const file = createRecord(root, id, record);
  undo.push("record", () => abandonRecord(root, id, file));
  using rootfs = openDirectory(bundle.rootfs);
  makeMountPoints(rootfs, bundle.spec, (source) => pathStatus(source)?.type === "directory");
  using joined = openNamespaces(bundle.spec);
  using started = startCriu(program, request, bundle, inherited, joined, directories);
  const { session } = started;
  // criu waits for its request meanwhile: a scope of systemd needs a process from its beginning.
  const groups = scope === undefined ? undo : scope.start(session, undo);
  const hostOptions = { refuseOccupied: scope === undefined };
  for (const warning of applyHostOps(plan, facts, groups, hostOptions)) {
    log(request.log, "warning", warning);
  }
  for (const hierarchy of record.cgroup?.joined ?? []) {
    moveIntoCgroup(facts.cgroup, hierarchy, record.cgroup?.directory ?? "/", session.pid);
  }
  const options: CriuOptions = {
    ...criuOptions(context, started.directories, record.annotations, abilities),
    ...restoreOptions(context, bundle, record),
    inheritFds: [...inheritedConnections(directories.image), ...joined.keys],
  };
  let terminal: OwnedFd | undefined;
  let process: MainProcess | undefined;
  undo.push("processes", () => endProcesses({ id, record, process }, host));
  const response = await session.request({ type: "restore", options }, async (script, pid, fd) => {
    if (script === "setup-namespaces") {
      await runCreationHooks(bundle.spec, id, record, pid, host);
    } else if (script === "post-restore") {
      restrictAgain(bundle, pid);
      if (record.resctrl !== undefined) {
        (await import("../../runtime/resctrl-class.ts")).joinResctrl(record.resctrl, pid, undo);
      }
      for (const warning of scope?.finish() ?? []) log(request.log, "warning", warning);
      process = { pid, startTicks: startTicksOf(pid) ?? 0 };
      recordProcess(file, process);
    } else if (script === "orphan-pts-master") terminal = fd;
  });
  session.finish();
  if (response?.success !== true || process === undefined) {
    throw criuFailure(`restore container ${id}`, response, `${directories.workPath}/${logFile}`);
  }
  await settleRecord(file, process, host);
  if (console !== undefined && terminal !== undefined) {
    using master = terminal;
    sendTerminal(console, master);
    terminal = undefined;
  }
  if (request.pidFile !== undefined) writePidFile(request.pidFile, process.pid);
  file[Symbol.dispose]();
  return { container: { id, record, process }, terminal };
}

/** In a user namespace, criu goes on as the root of it, and opens the image's files as that user. */
function checkReadable({ linux = {} }: RuntimeSpec, { imagePath, image }: ImageDirectories): void {
  const ownUsers = (linux.namespaces ?? []).some(({ type }) => type === "user");
  if (!ownUsers || (descriptorStatus(image).mode & searchableByOthers) !== 0) return;
  throw new TiffinError(
    "invalid",
    "runtime.image-directory",
    `criu cannot restore into a user namespace from ${imagePath}: its users cannot search the directory`,
    { remedy: `chmod o+x ${imagePath}` },
  );
}

interface StartedCriu extends Disposable {
  readonly session: CriuSession;
  /** As criu's mounts show them: it mounts things below its work directory. */
  readonly directories: ImageDirectories;
}

function startCriu(
  program: CriuProgram,
  { root }: CreateRequest,
  { rootfs }: Bundle,
  inherited: ReadonlyMap<string, OwnedFd>,
  joined: JoinedNamespaces,
  { imagePath, workPath }: ImageDirectories,
): StartedCriu {
  const standard = standardNames.flatMap((name, fd) => {
    const ours = inherited.get(name);
    return ours === undefined ? [] : [[ours, fd] as const];
  });
  return startInPrivateMounts(() => {
    const directories = reopenDirectories(imagePath, workPath);
    try {
      mountTmpfs(root, workOptions);
      makeDirectory(emptyDirectory(root), 0o555);
      makeDirectory(rootMount(root), 0o711);
      bindMount(rootfs, rootMount(root));
      makeReadOnly(root);
      const session = new CriuSession(program, [...standard, ...joined.fds]);
      const close = (): void => {
        session[Symbol.dispose]();
        directories[Symbol.dispose]();
      };
      return { session, directories, [Symbol.dispose]: close };
    } catch (thrown) {
      directories[Symbol.dispose]();
      throw thrown;
    }
  });
}

/** In mounts that only criu sees, the state directory is covered: its content is none of criu's business. */
function emptyDirectory(root: string): string {
  return `${root}/empty`;
}

function rootMount(root: string): string {
  return `${root}/rootfs`;
}

/** `path` of the configuration with the symlinks of the root followed; where it leads onto a mount, as it is. */
function placeIn(rootfs: string, path: string): string {
  try {
    using directory = openDirectory(rootfs);
    using found = openInRoot(directory, path, openFlags.path);
    const [top, place] = [directory, found].map(({ raw }) => readLink(`/proc/thread-self/fd/${raw}`));
    return top !== undefined && place?.startsWith(`${top}/`) ? place.slice(top.length) : path;
  } catch (thrown) {
    if (thrown instanceof SyscallError) return path;
    throw thrown;
  }
}

/** The processes exist, and do not run yet. */
function restrictAgain({ spec, rootfs }: Bundle, pid: number): void {
  const present = parseMountInfo(readTextIfPossible(`/proc/${pid}/mountinfo`) ?? "");
  restrictMounts(
    pid,
    lostAttributes(spec, present, (path) => placeIn(rootfs, path)),
  );
}

/** The hooks that the specification puts between the namespaces and the change of the root. */
async function runCreationHooks(
  { hooks = {} }: RuntimeSpec,
  id: string,
  record: ContainerRecord,
  pid: number,
  host: RuntimeHost,
): Promise<void> {
  const state = hookState(id, record, "creating");
  await runHostHooks("prestart", hooks.prestart ?? [], state, pid, host);
  await runHostHooks("createRuntime", hooks.createRuntime ?? [], state, pid, host);
}

function restoreOptions(
  { root, flags }: CommandContext,
  { spec, rootfs }: Bundle,
  { cgroup }: ContainerRecord,
): Partial<CriuOptions> {
  const isDirectory = (path: string): boolean => {
    const seen = /^\/(proc|sys)\//.test(path) ? path : `${rootfs}${path}`;
    return pathStatus(seen)?.type === "directory";
  };
  const [profile, context] = [flags.text("lsm-profile"), flags.text("lsm-mount-context")];
  const facts = cgroup?.facts ?? probeOnDemand().cgroup;
  return {
    logFile,
    root: rootMount(root),
    restoreSibling: true,
    evasiveDevices: true,
    externalMounts: externalSources(spec, {
      facts,
      group: cgroup?.directory,
      joined: cgroup?.joined ?? [],
      host: parseMountInfo(readTextIfPossible("/proc/thread-self/mountinfo") ?? ""),
      empty: emptyDirectory(root),
      isDirectory,
      place: (path) => placeIn(rootfs, path),
      devices: [...usualDevices, ...(spec.linux?.devices ?? []).map(({ path }) => path)],
    }),
    cgroupRoots: cgroup === null ? [] : cgroupRoots(cgroup),
    ...(profile !== undefined && profile !== "" && { lsmProfile: profile }),
    ...(context !== undefined && context !== "" && { lsmMountContext: context }),
  };
}

/** The groups instead of those that the image names, for each controller; v2 is the one without a name. */
function cgroupRoots({
  facts,
  joined,
  directory,
  unit,
}: ContainerGroup): NonNullable<CriuOptions["cgroupRoots"]> {
  const roots = facts.v1.flatMap(({ name, controllers, ownPath }) =>
    controllers.map((controller) => {
      // A scope is there in systemd's own hierarchy too, and ends when that has nobody left.
      const isJoined = joined.includes(name) || (unit !== undefined && controller === systemdHierarchy);
      return { controller, path: isJoined ? directory : ownPath };
    }),
  );
  return joined.includes(unifiedHierarchy) ? [...roots, { controller: "", path: directory }] : roots;
}

interface JoinedNamespaces extends Disposable {
  readonly keys: NonNullable<CriuOptions["inheritFds"]>;
  readonly fds: readonly (readonly [OwnedFd, number])[];
}

/** Opens the namespaces that the configuration joins. */
function openNamespaces({ linux = {} }: RuntimeSpec): JoinedNamespaces {
  const keys: { key: string; fd: number }[] = [];
  const fds: (readonly [OwnedFd, number])[] = [];
  const close = (): void => {
    for (const [fd] of fds) fd[Symbol.dispose]();
  };
  try {
    for (const { type, path = "" } of linux.namespaces ?? []) {
      const row = joinableNamespaces.find((each) => each.type === type);
      if (path === "" || row === undefined) continue;
      const fd = firstExtraFd + fds.length;
      fds.push([openNamespace(type, path), fd]);
      keys.push({ key: row.key, fd });
    }
  } catch (thrown) {
    close();
    throw thrown;
  }
  return { keys, fds, [Symbol.dispose]: close };
}

function openNamespace(type: string, path: string): OwnedFd {
  try {
    return openFile(undefined, path, openFlags.readOnly);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw new TiffinError(
      "invalid",
      "runtime.namespace",
      `cannot open the ${type} namespace ${path}: ${thrown.code}`,
    );
  }
}
