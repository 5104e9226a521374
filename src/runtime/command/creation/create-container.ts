/**
 * From a bundle to a container: what `create` and `run` share. Everything made on the way pushes its undo, so that
 * a failure leaves nothing; a crash leaves at most what the record names, which `delete --force` takes away.
 */
import { removeFile } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { probeOnDemand } from "../../../kernel/probe.ts";
import { listenUnix } from "../../../kernel/unix-listener.ts";
import type { UnixStream } from "../../../kernel/unix-stream.ts";
import { monotonicMs, nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { randomHex } from "../../../lib/ids.ts";
import { UndoStack } from "../../../lib/undo-stack.ts";
import type { CgroupFacts, HostFacts, IdentityFacts } from "../../../linux/host-facts.ts";
import type { OciProcess, RuntimeSpec } from "../../../oci/mod.ts";
import { compileContainer } from "../../../plan/compile-container.ts";
import { groupsForbidden } from "../../../plan/identity.ts";
import { type ContainerOptions, type Stdio, syncIds } from "../../../plan/options.ts";
import type { Plan } from "../../../plan/plan.ts";
import { terminalGroup } from "../../../plan/terminal.ts";
import { applyHostOps, openCgroupSlots } from "../../host-ops.ts";
import type { LaunchRequest } from "../../supervised-process.ts";
import {
  abandonRecord,
  type ContainerRecord,
  createRecord,
  isRecorded,
  type MainProcess,
  type RecordedCgroup,
  recordProcess,
  settleRecord,
} from "../container/container-record.ts";
import { endLostLaunch, endProcesses } from "../container/end-processes.ts";
import { hookState } from "../container/hook-state.ts";
import { type HookState, isHookFailure, planHooks, runHostHooks } from "../container/hooks.ts";
import { runPoststop } from "../container/poststop.ts";
import { startTicksOf } from "../container/status.ts";
import { type ErrorLog, log } from "../error-log.ts";
import type { PlannedScope } from "../groups/systemd-scope.ts";
import { groupAboveCaller, isHostRoot, usableCgroups } from "../groups/usable-groups.ts";
import { CallerGone, type Executor, type Launched, type RuntimeHost } from "../host/host.ts";
import { inheritedFds } from "../host/inherited-fds.ts";
import { type Bundle, openBundle } from "./bundle.ts";
import { sendTerminal } from "./console-socket.ts";
import { withDefaultDevices, withoutDevices } from "./default-devices.ts";
import { homeOf, readHome, withHome } from "./home-directory.ts";
import { writePidFile } from "./pid-file.ts";
import { compileFilter, connectAgent, filterOptions } from "./seccomp-filter.ts";

export interface CreateRequest {
  readonly host: RuntimeHost;
  readonly log: ErrorLog;
  readonly root: string;
  /** The group is a scope of systemd. */
  readonly systemdCgroup: boolean;
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** Stop before the program until `start`; else it runs at once. */
  readonly hold: boolean;
  /** Where the master of the terminal goes, when it is not returned. Refuses what cannot be, before anything is made. */
  readonly console: (spec: RuntimeSpec) => UnixStream | undefined;
  /** Absolute. */
  readonly pidFile: string | undefined;
  readonly noPivot: boolean;
  readonly sessionKeyring: boolean;
  readonly preserveFds: number;
  /** Size of a terminal that has none in the configuration. */
  readonly windowSize: { readonly rows: number; readonly columns: number } | undefined;
}

export interface RunningContainer {
  readonly id: string;
  readonly record: ContainerRecord;
  readonly process: MainProcess;
}

const socketDigits = 12;
/** Room for the mount point of a hierarchy and the name of a file is left below PATH_MAX. */
const longestGroupPath = 3500;
const longestName = 255;

export interface CreatedContainer {
  readonly container: RunningContainer;
  /** Master of the terminal, when nobody else got it. */
  readonly terminal: OwnedFd | undefined;
}

/** Why a creation failed, for the undo that depends on it; what the undo alone needs, for a success. */
interface Ending {
  thrown?: unknown;
  held?: OwnedFd;
}

/** Creates the container. Throws TiffinError; then nothing is left of it. */
export async function createContainer(request: CreateRequest): Promise<CreatedContainer> {
  const undo = new UndoStack();
  // Before anything else: it gets ready while the configuration is read.
  using executor = await request.host.executor();
  const ending: Ending = {};
  try {
    const created = await create(request, executor, undo, ending);
    undo.disarm();
    ending.held?.[Symbol.dispose]();
    return created;
  } catch (thrown) {
    ending.thrown = thrown;
    for (const failure of await undo.unwind()) log(request.log, "warning", `cleaning up: ${failure}`);
    throw thrown;
  }
}

async function create(
  request: CreateRequest,
  executor: Executor,
  undo: UndoStack,
  ending: Ending,
): Promise<CreatedContainer> {
  const { root, id } = request;
  const beganMs = monotonicMs();
  const bundle = openBundle(request.bundle, request.host);
  using console = request.console(bundle.spec);
  const probed = probeOnDemand(request.host.procName);
  using scope = request.systemdCgroup
    ? (await import("../groups/systemd-scope.ts")).planScope(id, bundle.spec, probed, request.host)
    : undefined;
  const { plan, record, inherited, facts } = await prepare(request, bundle, probed, scope);
  const decidedMs = monotonicMs();
  for (const warning of plan.warnings) log(request.log, "warning", warning);
  using agent = connectAgent(record.seccomp);
  // The specification goes on with them where a hook has failed, and leaves no trace of any other failure.
  undo.push("poststop hooks", async () => {
    if (isHookFailure(ending.thrown)) await runPoststop(id, record, request);
  });
  const file = createRecord(root, id, record);
  undo.push("record", () => abandonRecord(root, id, file));
  const groups = new UndoStack();
  undo.push("groups", async () => {
    const failures = isRecorded(file) ? await groups.unwind() : [];
    if (failures.length > 0) throw new Error(failures.join(", "));
  });
  const groupUndo = scope === undefined ? groups : scope.start(executor, groups);
  // A scope has the executor in it.
  const hostOptions = { refuseOccupied: scope === undefined };
  for (const warning of applyHostOps(plan, facts, groupUndo, hostOptions)) {
    log(request.log, "warning", warning);
  }
  await ownGroup(bundle.spec, record, facts);
  const owned = openCgroupSlots(plan, facts, record.cgroup?.directory);
  try {
    await addOwnedFds(request, plan, record, owned, undo);
    undo.push("processes", async () => {
      if (ending.thrown instanceof CallerGone)
        await endLostLaunch({ id, record, process: undefined }, request.host);
    });
    const madeMs = monotonicMs();
    const launched = await executor.perform(plan, slotsOf(inherited, owned, agent), (sync, pid) => {
      recordProcess(file, mainProcess(pid));
      if (sync === syncIds.idMaps) return mapIds(request.host, bundle.spec, pid);
      for (const warning of scope?.finish() ?? []) log(request.log, "warning", warning);
      return prepareHost(request, { record, spec: bundle.spec, pid, undo, ending });
    });
    const sentMs = monotonicMs();
    log(request.log, "debug", phasesText([beganMs, decidedMs, madeMs, sentMs], launched));
    const process = mainProcess(launched.pid);
    undo.push("processes", () => endProcesses({ id, record, process }, request.host));
    await settleRecord(file, process, request.host);
    const terminal = passTerminal(console, launched.terminal);
    if (request.pidFile !== undefined) writePidFile(request.pidFile, process.pid);
    file[Symbol.dispose]();
    return { container: { id, record, process }, terminal };
  } finally {
    for (const fd of owned.values()) fd[Symbol.dispose]();
  }
}

/** Only cgroup v2 can be shared with the container's user. */
async function ownGroup(spec: RuntimeSpec, { cgroup }: ContainerRecord, facts: HostFacts): Promise<void> {
  if (facts.cgroup.mode !== "v2" || cgroup === null) return;
  const { giveGroup, groupOwner } = await import("../groups/group-owner.ts");
  const owner = groupOwner(spec, facts.cgroup);
  if (owner !== undefined) giveGroup(facts.cgroup, cgroup.directory, owner);
}

function slotsOf(
  inherited: ReadonlyMap<string, OwnedFd>,
  owned: ReadonlyMap<string, OwnedFd>,
  agent: UnixStream | undefined,
): ReadonlyMap<string, OwnedFd> {
  const fds = new Map([...inherited, ...owned]);
  if (agent !== undefined) fds.set("seccomp-agent", agent.fd);
  return fds;
}

function phasesText(times: readonly [number, number, number, number], { cloneMs, execMs }: Launched): string {
  const [beganMs, decidedMs, madeMs, doneMs] = times;
  const text = (ms: number): string => `${ms.toFixed(2)} ms`;
  return (
    `program start ${text(beganMs)}, configuration and plan ${text(decidedMs - beganMs)}, ` +
    `record and cgroups ${text(madeMs - decidedMs)}, executor ${text(doneMs - madeMs)} ` +
    `(to the clone ${text(cloneMs)}, to the program ${text(execMs)})`
  );
}

function mainProcess(pid: number): MainProcess {
  return { pid, startTicks: startTicksOf(pid) ?? 0 };
}

function passTerminal(console: UnixStream | undefined, terminal: OwnedFd | undefined): OwnedFd | undefined {
  if (console === undefined || terminal === undefined) return terminal;
  using master = terminal;
  sendTerminal(console, master);
  return undefined;
}

async function mapIds(host: RuntimeHost, { linux = {} }: RuntimeSpec, pid: number): Promise<void> {
  const { mapIdsByHelpers } = await import("./id-map-helpers.ts");
  mapIdsByHelpers(host, linux, pid);
}

interface HostPreparation {
  readonly record: ContainerRecord;
  readonly spec: RuntimeSpec;
  readonly pid: number;
  readonly undo: UndoStack;
  readonly ending: Ending;
}

/** The namespaces exist and the host's root is still in reach: network devices move in, hooks run. */
async function prepareHost(
  { id, host }: CreateRequest,
  { record, spec, pid, undo, ending }: HostPreparation,
): Promise<void> {
  const { hooks = {}, linux = {} } = spec;
  if (record.resctrl !== undefined) {
    (await import("../groups/resctrl-class.ts")).joinResctrl(record.resctrl, pid, undo);
  }
  if (Object.keys(linux.netDevices ?? {}).length > 0) {
    const { moveNetworkDevices } = await import("./network-devices.ts");
    ending.held = moveNetworkDevices(linux.netDevices ?? {}, pid, undo);
  }
  const state = hookState(id, record, "creating");
  await runHostHooks("prestart", hooks.prestart ?? [], state, pid, host);
  await runHostHooks("createRuntime", hooks.createRuntime ?? [], state, pid, host);
}

export interface Prepared {
  readonly plan: Plan;
  readonly record: ContainerRecord;
  readonly inherited: ReadonlyMap<string, OwnedFd>;
  /** With those cgroups alone that the container may use. */
  readonly facts: HostFacts;
}

function stdioOf(process: OciProcess | undefined, request: CreateRequest): Stdio {
  if (process?.terminal !== true) return { kind: "slots" };
  const size = process.consoleSize;
  if (size !== undefined) return { kind: "terminal", rows: size.height, columns: size.width };
  return { kind: "terminal", rows: request.windowSize?.rows ?? 0, columns: request.windowSize?.columns ?? 0 };
}

/** Decides everything. What a refused configuration leaves behind is at most a compiled filter in its cache. */
export async function prepare(
  request: CreateRequest,
  bundle: Bundle,
  facts: HostFacts,
  scope?: PlannedScope,
): Promise<Prepared> {
  const { id } = request;
  if (bundle.spec.process === undefined && !request.hold) {
    throw new TiffinError("invalid", "runtime.no-process", "config.json has no process to run");
  }
  const stdio = stdioOf(bundle.spec.process, request);
  const { count, fds, env } = inheritedFds(request.host, request.preserveFds, stdio.kind === "slots");
  const spec = completeSpec(bundle, env, scope, facts.identity);
  const { linux = {}, hooks = {} } = spec;
  const resctrl =
    linux.intelRdt === undefined
      ? undefined
      : (await import("../groups/resctrl-class.ts")).planResctrl(linux.intelRdt, id, request.host);
  const cgroupDirectory = scope?.directory ?? cgroupDirectoryOf(linux.cgroupsPath, id, facts);
  const groups =
    scope === undefined
      ? usableCgroups(facts, {
          directory: cgroupDirectory,
          path: linux.cgroupsPath,
          resources: linux.resources,
        })
      : facts.cgroup;
  const usable = groups === null || groups === facts.cgroup ? facts : { ...facts, cgroup: groups };
  const seccomp = await compileFilter(linux.seccomp, request.root);
  const state = (status: HookState["status"]): HookState =>
    hookState(id, { ...spec, bundle: bundle.path }, status);
  const options: ContainerOptions = {
    id,
    ...(groups === null ? { cgroupParent: null } : { cgroupParent: "/", cgroupDirectory }),
    rootfs: { kind: "directory", path: bundle.rootfs },
    network: { kind: "host" },
    stdio,
    supervise: { kind: "leave", waitExec: !request.hold },
    awaitStart: request.hold,
    ...(bundle.spec.process === undefined && { withoutProgram: true }),
    preserveFds: count,
    exactLimits: true,
    bindSources: await sourcesOf(bundle, facts),
    createWorkdir: true,
    refuseLimits: true,
    sessionKeyring: request.sessionKeyring,
    ...(looksInside(spec, facts) && { unprivileged: true, workMount: bundle.rootfs }),
    noPivot: request.noPivot,
    syncEnvironment: meetsHost(spec) || scope?.isUnfinished === true,
    hooks: {
      createContainer: planHooks(hooks.createContainer ?? [], state("creating")),
      startContainer: planHooks(hooks.startContainer ?? [], state("created")),
    },
    ...filterOptions(seccomp, state("creating")),
  };
  const compiled = compileContainer(spec, usable, options);
  const failpoint = request.host.env["TIFFIN_FAILPOINT"];
  const plan =
    failpoint === undefined
      ? compiled
      : (await import("../host/failpoint.ts")).failingPlan(compiled, failpoint);
  const cgroup = recordedCgroup(plan, usable.cgroup, cgroupDirectory, scope);
  const { process } = bundle.spec;
  const record = recordOf(request, { ...bundle, spec }, facts.identity, cgroup, seccomp);
  return {
    plan,
    record: {
      ...record,
      ...(process !== undefined && { process }),
      ...(resctrl !== undefined && { resctrl }),
    },
    inherited: fds,
    facts: usable,
  };
}

async function sourcesOf(
  { spec, bindSources }: Bundle,
  { identity }: HostFacts,
): Promise<Bundle["bindSources"]> {
  if (identity.effective.includes("CAP_SYS_ADMIN") && !identity.inUserNamespace) return bindSources;
  return (await import("./locked-sources.ts")).lockedSources(spec, bindSources);
}

/** Mounts are looked up in the container's own mount namespace: no rights over the host's, or another one is wanted. */
function looksInside({ linux = {} }: RuntimeSpec, { identity }: HostFacts): boolean {
  if (!identity.effective.includes("CAP_SYS_ADMIN") || identity.inUserNamespace) return true;
  return (linux.namespaces ?? []).some(({ type, path }) => type === "mount" && (path ?? "") !== "");
}

/** Work on the host between the making of the namespaces and the change of the root. */
function meetsHost({ hooks = {}, linux = {} }: RuntimeSpec): boolean {
  const hostHooks = (hooks.prestart ?? []).length + (hooks.createRuntime ?? []).length;
  return hostHooks + Object.keys(linux.netDevices ?? {}).length > 0 || linux.intelRdt !== undefined;
}

/** Where the configuration has none there is nothing to start: it is held until it is killed. */
const noProcess: OciProcess = { user: { uid: 0, gid: 0 }, cwd: "/", args: ["/"] };

function completeSpec(
  bundle: Bundle,
  env: readonly string[],
  scope: PlannedScope | undefined,
  identity: IdentityFacts,
): RuntimeSpec {
  const { spec, rootfs } = bundle;
  const wanted = scope === undefined ? spec.linux?.resources : scope.resources;
  const resources = isHostRoot(identity) ? withDefaultDevices(wanted) : withoutDevices(wanted);
  return {
    ...spec,
    process: withHome(spec.process ?? noProcess, env, (uid) => readHome(rootfs, uid)),
    linux: { ...spec.linux, ...(resources !== undefined && { resources }) },
  };
}

/** The group in every hierarchy. A relative path counts from the top, for an ordinary user from where it may make groups. */
function cgroupDirectoryOf(path: string | undefined, id: string, facts: HostFacts): string {
  const wanted = path === undefined || path === "" ? id : path;
  const parts = wanted.split("/").filter((part) => part !== "" && part !== ".");
  const fits = wanted.length < longestGroupPath && parts.every((part) => part.length <= longestName);
  if (parts.includes("..") || parts.length === 0 || !fits) {
    throw new TiffinError("invalid", "runtime.cgroups-path", `linux.cgroupsPath is ${JSON.stringify(path)}`);
  }
  return `${path?.startsWith("/") === true ? "" : groupAboveCaller(facts)}/${parts.join("/")}`;
}

function recordedCgroup(
  plan: Plan,
  facts: CgroupFacts,
  directory: string,
  scope: PlannedScope | undefined,
): RecordedCgroup | null {
  const joined = plan.hostOps.flatMap((op) => (op.op === "cgroupCreate" ? [op.hierarchy] : []));
  if (joined.length === 0) return null;
  return { directory, facts, joined, ...(scope !== undefined && { unit: scope.unit }) };
}

function recordOf(
  request: CreateRequest,
  { spec, path, rootfs }: Bundle,
  identity: IdentityFacts,
  cgroup: RecordedCgroup | null,
  seccomp: ContainerRecord["seccomp"],
): ContainerRecord {
  const { linux = {}, hooks = {} } = spec;
  const namespaces = linux.namespaces ?? [];
  const joined = namespaces.filter(({ path = "" }) => path !== "").map(({ type }) => type);
  const terminalGid = terminalGroup(spec.mounts ?? []);
  const home = spec.process === undefined ? undefined : homeOf(spec.process);
  const { poststart, poststop } = hooks;
  return {
    bundle: path,
    rootfs,
    created: new Date(nowMs()).toISOString(),
    ...(home !== undefined && { home }),
    ...(spec.annotations !== undefined && { annotations: spec.annotations }),
    cgroup,
    namespaces: namespaces.map(({ type }) => type),
    ...(joined.length > 0 && { joinedNamespaces: joined }),
    ownPidNamespace: namespaces.some((each) => each.type === "pid" && (each.path ?? "") === ""),
    ...(linux.uidMappings !== undefined && { uidMappings: linux.uidMappings }),
    ...(linux.gidMappings !== undefined && { gidMappings: linux.gidMappings }),
    ...(groupsForbidden(linux, identity) && { setgroupsDenied: true }),
    ...(terminalGid !== undefined && { terminalGid }),
    ...(seccomp !== undefined && { seccomp }),
    ...(request.hold && { startSocket: `@start-${randomHex(socketDigits)}` }),
    hooks: { ...(poststart !== undefined && { poststart }), ...(poststop !== undefined && { poststop }) },
  };
}

/** The descriptors that only some containers have: the start socket, user namespaces of idmapped mounts. */
async function addOwnedFds(
  request: CreateRequest,
  plan: Plan,
  record: ContainerRecord,
  fds: Map<string, OwnedFd>,
  undo: UndoStack,
): Promise<void> {
  for (const { name } of plan.receives) {
    if (name === "start" && record.startSocket !== undefined) {
      const socket = record.startSocket;
      fds.set(name, listenUnix(request.root, socket));
      undo.push("start socket", () => void removeFile(`${request.root}/${socket}`));
    } else if (name.startsWith("idmap:")) {
      const { openUserNamespace } = await import("../../user-namespace.ts");
      fds.set(name, await openUserNamespace((launch) => performAlone(request.host, launch), name));
    }
  }
}

async function performAlone(host: RuntimeHost, { plan, fds, onSync }: LaunchRequest): Promise<void> {
  using executor = await host.sideExecutor();
  await executor.perform(plan, fds, (id, pid) => onSync?.(id, pid));
}
