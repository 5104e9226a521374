/**
 * A container's group as a scope of systemd. The scope needs a process from its beginning: that is the executor, which
 * waits for its plan then. The container's process is born beside it, and the executor leaves, so nothing else about
 * a start differs from the cgroupfs driver: the same files are written, the same descriptors are handed over.
 */
import { applyCgroup, delegateControllers, readCurrentMemory } from "../../kernel/cgroup.ts";
import { listCgroupProcesses } from "../../kernel/cgroup-processes.ts";
import { readTextIfPossible } from "../../kernel/files.ts";
import { TiffinError } from "../../lib/errors.ts";
import { UndoStack } from "../../lib/undo-stack.ts";
import { decideCgroup } from "../../linux/cgroup.ts";
import type { CgroupFacts, HostFacts } from "../../linux/host-facts.ts";
import { parseProcessCgroups } from "../../linux/proc.ts";
import { annotatedProperties, property, type UnitProperty } from "../../linux/systemd/property.ts";
import { resourceProperties, type SystemdFacts } from "../../linux/systemd/resource-properties.ts";
import { parseScopePath, type ScopeName } from "../../linux/systemd/scope-name.ts";
import type { OciResources, RuntimeSpec } from "../../oci/mod.ts";
import type { ContainerGroup, ScopeUnit } from "../groups/mod.ts";
import {
  type Environment,
  isUserManager,
  managerSockets,
  requireSystemd,
  SystemdManager,
} from "./systemd-manager.ts";

/** systemd has had it since then: a unit that failed is forgotten with its last process. */
const collectModeVersion = 236;
/** The executor counts as a process of the scope until it leaves, so smaller limits come once the other is born. */
const leastLimitAtStart = 4;

export interface PlannedScope extends Disposable {
  /** The scope's group, as a path from the top of each hierarchy. */
  readonly directory: string;
  readonly unit: ScopeUnit;
  /** The resources without what has to wait. */
  readonly resources: OciResources | undefined;
  /**
   * Makes the scope with the executor in it. Pushes its end to `undo`, and returns the stack for the undo of what is made
   * inside: that may go only once the executor has.
   */
  start(executor: { readonly pid?: number } & Disposable, undo: UndoStack): UndoStack;
  /** Some limits have to wait for `finish`. */
  readonly isUnfinished: boolean;
  /** The container's process exists. Returns warnings. */
  finish(): string[];
}

/** Decides name and place. Throws `unavailable` where systemd does not run or does not answer. */
export function planScope(id: string, spec: RuntimeSpec, facts: HostFacts, env: Environment): PlannedScope {
  requireSystemd();
  const isUser = isUserManager(facts.identity);
  if (isUser && facts.cgroup.mode !== "v2") {
    throw new TiffinError(
      "unavailable",
      "runtime.no-group-rights",
      "no group can be had from systemd: an ordinary user is given groups on cgroup v2 only",
    );
  }
  const { linux = {}, annotations = {} } = spec;
  const name = parseScopePath(linux.cgroupsPath, id, isUser ? "user.slice" : "system.slice");
  const sockets = managerSockets(env, facts.identity);
  const systemd = SystemdManager.open(sockets);
  try {
    const { version, group } = systemd.facts();
    const directory = `${group}${name.directory}`;
    // Before anything says that the scope is this container's: what it has would be ended with it.
    if (listCgroupProcesses(facts.cgroup, directory).length > 0) {
      throw new TiffinError(
        "conflict",
        "runtime.scope-taken",
        `${name.unit} exists already and has processes`,
      );
    }
    const unit: ScopeUnit = { name: name.unit, sockets, version };
    const { now, late } = splitLimits(linux.resources);
    const properties = (pid: number): UnitProperty[] => [
      ...standingProperties(name, id, pid, { version, unified: facts.cgroup.mode === "v2" }),
      ...annotatedProperties(annotations),
      ...resourceProperties(now, systemdFacts(facts.cgroup, version)),
    ];
    return {
      directory,
      unit,
      resources: linux.resources === undefined ? undefined : now,
      start: (executor, undo) => {
        const { pid = 0 } = executor;
        systemd.start(name.unit, withoutRepetition(properties(pid)));
        const inside = new UndoStack();
        undo.push(`scope ${name.unit}`, async () => {
          executor[Symbol.dispose]();
          using again = SystemdManager.open(sockets);
          again.stop(name.unit);
          const [failure] = await inside.unwind();
          if (failure !== undefined) throw new Error(failure);
        });
        checkPlace(facts.cgroup, pid, directory);
        delegateControllers(facts.cgroup, directory);
        return inside;
      },
      isUnfinished: late !== undefined,
      finish: () =>
        late === undefined
          ? []
          : changeScope({ directory, facts: facts.cgroup, joined: [], unit }, late, systemd),
      [Symbol.dispose]: () => systemd[Symbol.dispose](),
    };
  } catch (thrown) {
    systemd[Symbol.dispose]();
    throw thrown;
  }
}

function splitLimits(resources: OciResources = {}): {
  readonly now: OciResources;
  readonly late: OciResources | undefined;
} {
  const { pids, unified, ...others } = resources;
  const isLow = (limit: number): boolean => limit >= 0 && limit < leastLimitAtStart;
  if (pids?.limit !== undefined && isLow(pids.limit)) {
    return { now: { ...others, ...(unified !== undefined && { unified }) }, late: { pids } };
  }
  const { "pids.max": file, ...files } = unified ?? {};
  if (file === undefined || !isLow(Number(file))) return { now: resources, late: undefined };
  return {
    now: { ...others, ...(pids !== undefined && { pids }), unified: files },
    late: { unified: { "pids.max": file } },
  };
}

function systemdFacts(cgroup: CgroupFacts, version: number): SystemdFacts {
  const unified = cgroup.mode === "v2";
  return { version, unified, devices: unified ? "" : (readTextIfPossible("/proc/devices") ?? "") };
}

function standingProperties(
  { slice }: ScopeName,
  id: string,
  pid: number,
  { version, unified }: { readonly version: number; readonly unified: boolean },
): UnitProperty[] {
  const accounting = [
    "CPUAccounting",
    "MemoryAccounting",
    "TasksAccounting",
    unified ? "IOAccounting" : "BlockIOAccounting",
  ];
  return [
    property("Description", "s", `tiffin container ${id}`),
    property("Slice", "s", slice),
    property("Delegate", "b", true),
    property("PIDs", "au", [pid]),
    property("DefaultDependencies", "b", false),
    ...(version >= collectModeVersion ? [property("CollectMode", "s", "inactive-or-failed")] : []),
    ...accounting.map((name) => property(name, "b", true)),
  ];
}

/** The last word about each property counts, as an annotation's about a standing one. */
function withoutRepetition(properties: readonly UnitProperty[]): UnitProperty[] {
  return [...new Map(properties.map((each) => [each.name, each])).values()];
}

/** systemd says that it is done; the kernel says where the process is. */
function checkPlace(facts: CgroupFacts, pid: number, directory: string): void {
  const groups = parseProcessCgroups(readTextIfPossible(`/proc/${pid}/cgroup`) ?? "");
  const group = groups.find(({ hierarchyId, controllers }) =>
    facts.v2 === null ? controllers.includes("name=systemd") : hierarchyId === 0,
  );
  if (group === undefined || group.path === directory) return;
  throw new TiffinError(
    "internal",
    "runtime.systemd-place",
    `systemd has made the scope at ${group.path}, not at ${directory}`,
  );
}

/** New limits for a live scope: to systemd first, which would write its own values again later. */
export function updateScope(cgroup: ContainerGroup, unit: ScopeUnit, resources: OciResources): void {
  const properties = resourceProperties(resources, systemdFacts(cgroup.facts, unit.version));
  if (properties.length === 0) return;
  using systemd = SystemdManager.open(unit.sockets);
  systemd.set(unit.name, withoutRepetition(properties));
}

function changeScope(
  { directory, facts, unit }: ContainerGroup,
  resources: OciResources,
  systemd: SystemdManager,
): string[] {
  if (unit !== undefined)
    systemd.set(unit.name, resourceProperties(resources, systemdFacts(facts, unit.version)));
  const decision = decideCgroup(resources, facts, readCurrentMemory(facts, directory));
  return applyCgroup(facts, directory, { ...decision, directories: [], deviceProgram: null });
}

/** Ends the scope, whose processes are gone. */
export function stopScope({ name, sockets }: ScopeUnit): void {
  using systemd = SystemdManager.open(sockets);
  systemd.stop(name);
}
