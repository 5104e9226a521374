/**
 * From a bundle to a container: what `create` and `run` share. Everything made on the way pushes its undo, so that
 * a failure leaves nothing; a crash leaves at most what the record names, which `delete --force` takes away.
 */

import { removeFile } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { probeOnDemand } from "../../kernel/probe.ts";
import { listenUnix } from "../../kernel/unix-listener.ts";
import type { UnixStream } from "../../kernel/unix-stream.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { UndoStack } from "../../lib/undo-stack.ts";
import type { HostFacts } from "../../linux/host-facts.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { syncIds } from "../../plan/options.ts";
import type { Plan } from "../../plan/plan.ts";
import { isHookFailure, runHostHooks } from "../../runtime/hooks/mod.ts";
import { applyHostOps, openCgroupSlots } from "../../runtime/host-ops.ts";
import type { LaunchRequest } from "../../runtime/supervised-process.ts";
import {
  abandonRecord,
  type ContainerRecord,
  createRecord,
  isRecorded,
  type MainProcess,
  recordProcess,
  settleRecord,
} from "../container/container-record.ts";
import { endLostLaunch, endProcesses } from "../container/end-processes.ts";
import { hookState } from "../container/hook-state.ts";
import { requireOwnHooks } from "../container/own-hooks.ts";
import { runPoststop } from "../container/poststop.ts";
import { startTicksOf } from "../container/status.ts";
import { log } from "../error-log.ts";
import { CallerGone, type Executor, type Launched, type RuntimeHost } from "../host/host.ts";
import { openBundle } from "./bundle.ts";
import { sendTerminal } from "./console-socket.ts";
import type { CreateRequest } from "./creation-request.ts";
import { prepare } from "./decide-container.ts";
import { writePidFile } from "./pid-file.ts";
import { connectPidfdSocket, sendPidfd } from "./pidfd-socket.ts";
import { planScopeFor } from "./plan-scope.ts";
import { connectAgent } from "./seccomp-filter.ts";

export interface RunningContainer {
  readonly id: string;
  readonly record: ContainerRecord;
  readonly process: MainProcess;
}

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
  requireOwnHooks(request.host, bundle.spec.hooks ?? {});
  using console = request.console(bundle.spec);
  using watcher = connectPidfdSocket(request.pidfdSocket, request.host);
  const probed = probeOnDemand(request.host.procName);
  using scope = request.systemdCgroup ? await planScopeFor(id, bundle.spec, probed, request.host) : undefined;
  const { plan, record, inherited, facts } = await prepare(request, bundle, probed, scope);
  const decidedMs = monotonicMs();
  for (const warning of plan.warnings) log(request.log, "warning", warning);
  using agent = connectAgent(record.seccomp, request.host);
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
    log(request.log, "debug", phasesText(request.host, [beganMs, decidedMs, madeMs, sentMs], launched));
    const process = mainProcess(launched.pid);
    undo.push("processes", () => endProcesses({ id, record, process }, request.host));
    await settleRecord(file, process, request.host);
    const terminal = passTerminal(console, launched.terminal);
    sendPidfd(watcher, process.pid);
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
  const { giveGroup, groupOwner } = await import("../../runtime/groups/mod.ts");
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

function phasesText(
  { procName }: RuntimeHost,
  times: readonly [number, number, number, number],
  { cloneMs, execMs }: Launched,
): string {
  const [beganMs, decidedMs, madeMs, doneMs] = times;
  const text = (ms: number): string => `${ms.toFixed(2)} ms`;
  const start = procName === "self" ? `program start ${text(beganMs)}` : "by the helper";
  return (
    `${start}, configuration and plan ${text(decidedMs - beganMs)}, ` +
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
  const { mapIdsByHelpers } = await import("../../runtime/id-maps/mod.ts");
  mapIdsByHelpers(host.env, linux, pid);
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
    (await import("../../runtime/resctrl-class.ts")).joinResctrl(record.resctrl, pid, undo);
  }
  if (Object.keys(linux.netDevices ?? {}).length > 0) {
    const { moveNetworkDevices } = await import("./network-devices.ts");
    ending.held = moveNetworkDevices(linux.netDevices ?? {}, pid, undo);
  }
  const state = hookState(id, record, "creating");
  await runHostHooks("prestart", hooks.prestart ?? [], state, pid, host);
  await runHostHooks("createRuntime", hooks.createRuntime ?? [], state, pid, host);
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
      const { openUserNamespace } = await import("../../runtime/id-maps/mod.ts");
      fds.set(name, await openUserNamespace((launch) => performAlone(request.host, launch), name));
    }
  }
}

async function performAlone(host: RuntimeHost, { plan, fds, onSync }: LaunchRequest): Promise<void> {
  using executor = await host.sideExecutor();
  await executor.perform(plan, fds, (id, pid) => onSync?.(id, pid));
}
