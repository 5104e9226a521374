/**
 * From a prepared place to the running program: limits, identity, privileges, exec. The order is the kernel's:
 * the bounding set needs CAP_SETPCAP, groups before ids, ids before capset (keepcaps carries the permitted set
 * over), and a seccomp filter without no_new_privs needs CAP_SYS_ADMIN, so it comes before the drop.
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { prctlOptions } from "../linux/prctl.ts";
import { isRlimitName, rlimitInfinity, rlimitNumbers } from "../linux/rlimits.ts";
import type { LinuxSpec, OciProcess, OciRlimit, RlimitValue } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";
import { capabilityMasks } from "./capability-sets.ts";
import { environmentOf } from "./environment.ts";
import { execCandidates } from "./exec-candidates.ts";
import { childMarks } from "./marks.ts";
import type { PlanHook, ProcessOptions } from "./options.ts";
import { limitScheduling } from "./scheduling.ts";
import { type SecurityLabel, writeLabel } from "./security-labels.ts";
import { holdChild } from "./supervise.ts";
import { type GroupsRule, setGroups } from "./supplementary-groups.ts";

export interface ProcessContext {
  readonly builder: PlanBuilder;
  readonly process: OciProcess;
  readonly facts: HostFacts;
  readonly options: ProcessOptions;
  readonly ownUserNamespace: boolean;
  /** Whether supplementary groups can be set. */
  readonly groups: GroupsRule;
  /** Fork a PID 1 once the identity is set. */
  readonly init: boolean;
  /** Hooks that run as the process just before its program. */
  readonly hooks?: readonly PlanHook[];
  readonly linux?: LinuxSpec;
  /** A security label and the procfs through which it is written. */
  readonly label?: SecurityLabel & { readonly proc: number };
}

const defaultUmask = 0o022;
const firstInherited = 3;

/** Everything from the working directory to the exec. */
export function becomeProgram(context: ProcessContext): void {
  const { builder, process, options } = context;
  setLimits(context);
  limitScheduling(context);
  builder.child({ op: "umask", fields: { mask: process.user.umask ?? defaultUmask } }, "process.user.umask");
  builder.child({ op: "chdir", fields: { path: process.cwd } }, "process.cwd");
  passDescriptors(builder, options);
  const asks = options.seccompAgent !== undefined;
  if (asks) {
    // Under its filter every call may be asked about.
    if (options.awaitStart === true || options.holdBeforeExec === true) builder.hold();
    if (process.noNewPrivileges === true) setNoNewPrivileges(builder);
    installSeccomp(context);
  }
  // It waits for the exec, and is judged now: a profile that is not loaded ends the creation, not the start.
  if (context.label !== undefined) writeLabel(builder, context.label, context.label.proc);
  holdChild(builder, options, execCandidates(process));
  if (process.noNewPrivileges !== true && !asks) installSeccomp(context);
  takeIdentity(context);
  if (context.init) forkInit(builder);
  if (options.stdio.kind !== "terminal") {
    builder.child({ op: "setsid", fields: {} }, "a session of its own");
  }
  for (const hook of context.hooks ?? []) runHook(builder, hook, "hooks.startContainer");
  if (process.noNewPrivileges === true && !asks) {
    setNoNewPrivileges(builder);
    installSeccomp(context);
  }
  const args = process.args ?? [];
  const environment = environmentOf(process.env ?? []);
  const fields = { candidates: execCandidates(process), arguments: args, environment };
  builder.child({ op: "exec", fields }, "process.args");
}

function setNoNewPrivileges(builder: PlanBuilder): void {
  const fields = { option: prctlOptions.setNoNewPrivileges, value: 1 };
  builder.child({ op: "prctl", fields }, "process.noNewPrivileges", "no_new_privs");
}

/** One hook in the child's namespaces. */
export function runHook(builder: PlanBuilder, hook: PlanHook, cause: string): void {
  builder.child({ op: "hook", fields: hook }, cause);
}

export function forkInit(builder: PlanBuilder): void {
  builder.child({ op: "init", fields: {} }, "init", "PID 1");
}

/**
 * What is not dumpable has its files below /proc owned by the root of the host, which the root of a user namespace is
 * not: the executor could not write to its own.
 */
export function openOwnFiles(builder: PlanBuilder, { identity }: HostFacts): void {
  if (identity.uid !== 0 || !identity.inUserNamespace) return;
  const fields = { option: prctlOptions.setDumpable, value: 1 };
  builder.prepare({ op: "prctl", fields }, "user namespace of the caller", "dumpable");
}

function passDescriptors(builder: PlanBuilder, { preserveFds = 0 }: ProcessOptions): void {
  for (let fd = firstInherited; fd < firstInherited + preserveFds; fd += 1) {
    builder.child({ op: "dup2", fields: { slot: builder.received(`preserve:${fd}`), fd } }, "preserveFds");
  }
  builder.child(
    { op: "closeFrom", fields: { first: firstInherited + preserveFds } },
    "no descriptor leaks in",
  );
}

/** Names of the slots for inherited descriptors. */
export function preserveSlotNames({ preserveFds = 0 }: ProcessOptions): string[] {
  return Array.from({ length: preserveFds }, (_, index) => `preserve:${firstInherited + index}`);
}

function takeIdentity(context: ProcessContext): void {
  const { builder, process, groups } = context;
  const { uid, gid, additionalGids = [] } = process.user;
  const masks = capabilityMasks(process.capabilities, context);
  const cause = "process.capabilities";
  builder.child({ op: "dropBounding", fields: { keep: masks.bounding } }, cause, "bounding set");
  if (uid !== 0) {
    builder.child(
      { op: "prctl", fields: { option: prctlOptions.setKeepCapabilities, value: 1 } },
      cause,
      "keepcaps",
    );
  }
  setGroups(builder, groups, additionalGids, "process.user.additionalGids");
  builder.child({ op: "setIds", fields: { uid, gid } }, "process.user");
  const { bounding: _bounding, ...sets } = masks;
  builder.child({ op: "setCapabilities", fields: sets }, cause, "capability sets");
}

function installSeccomp({ builder, options, facts }: ProcessContext): void {
  const program = options.seccompProgram;
  if (program === undefined) return;
  if (!facts.features.seccompFilter) {
    throw new TiffinError("unavailable", "plan.no-seccomp", "the kernel has no seccomp filters", {
      remedy: "enable CONFIG_SECCOMP_FILTER or run with --security-opt seccomp=unconfined",
    });
  }
  const listener = options.seccompAgent === undefined ? slotNone : builder.slot();
  const fields = { program, flags: options.seccompFlags ?? 0, listener };
  if (listener !== slotNone) {
    const cause = "linux.seccomp.listenerPath";
    builder.child({ op: "signalPeer", fields: { mark: childMarks.filtering } }, cause);
  }
  const instructions = program.length / 8;
  builder.child({ op: "seccomp", fields }, "linux.seccomp", `filter of ${instructions} instructions`);
}

/** The limits of the process as this host lets them be set. Errors: `plan.unknown-rlimit`, `plan.rlimit-order`. */
export function keptLimits(
  context: Pick<ProcessContext, "builder" | "process" | "facts" | "options"> & {
    readonly ownUserNamespace?: boolean;
  },
): OciRlimit[] {
  return (context.process.rlimits ?? []).map((limit) => keptLimit(context, limit));
}

function keptLimit(context: Parameters<typeof keptLimits>[0], limit: OciRlimit): OciRlimit {
  const { builder, facts, ownUserNamespace = false, options } = context;
  const { type } = limit;
  if (!isRlimitName(type)) {
    throw new TiffinError(
      "invalid",
      "plan.unknown-rlimit",
      `process.rlimits has the unknown type ${JSON.stringify(type)}`,
    );
  }
  const [soft, hard] = [limitNumber(limit.soft), limitNumber(limit.hard)];
  if (soft > hard) {
    throw new TiffinError(
      "invalid",
      "plan.rlimit-order",
      `process.rlimits ${type}: soft limit ${limit.soft} is above hard limit ${limit.hard}`,
    );
  }
  const mayRaise = options.exactLimits === true || (!ownUserNamespace && mayExceed(facts));
  const own = mayRaise ? undefined : facts.identity.hardRlimits[type];
  if (own === undefined || hard <= limitNumber(own)) return limit;
  builder.warn(`${type} hard limit ${limit.hard} is above the engine's own ${own}: ${own} is used`);
  return { type, soft: soft > limitNumber(own) ? own : limit.soft, hard: own };
}

function setLimits(context: ProcessContext): void {
  for (const { type, soft, hard } of keptLimits(context)) {
    if (!isRlimitName(type)) continue;
    const fields = { resource: rlimitNumbers[type], soft: limitNumber(soft), hard: limitNumber(hard) };
    context.builder.child({ op: "setRlimit", fields }, "process.rlimits", type);
  }
}

/** Limits belong to the host: the capability counts only in its own user namespace. */
export function mayExceed({ identity }: HostFacts): boolean {
  return identity.effective.includes("CAP_SYS_RESOURCE") && !identity.inUserNamespace;
}

function limitNumber(value: RlimitValue): bigint {
  return value === "unlimited" ? rlimitInfinity : BigInt(value);
}
