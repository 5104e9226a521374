/**
 * One more process in a running container becomes a plan. Pure. The container is entered through a pidfd of its
 * main process, so a pid that was reused can never be entered; nothing of its file system is touched before the
 * process is inside and bound to it.
 */
import { slotNone } from "../abi/schema.ts";
import { cloneFlags } from "../linux/clone-flags.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { openFlagsOf } from "../linux/open-flags.ts";
import type { OciProcess } from "../oci/mod.ts";
import { PlanBuilder } from "./builder.ts";
import { cgroupSlotNames, cloneCgroupSlot, joinV1Groups } from "./cgroups.ts";
import { hostId } from "./identity.ts";
import { namespaceFlag } from "./namespaces.ts";
import type { ExecOptions, ExecTarget } from "./options.ts";
import type { Plan } from "./plan.ts";
import { becomeProgram, mayExceed, openOwnFiles, preserveSlotNames } from "./process.ts";
import { setAffinity } from "./scheduling.ts";
import { openLabelProc, wantedLabel } from "./security-labels.ts";
import { connectStdio, noEnds, stdioSlotNames } from "./stdio.ts";
import { finishParent, holdParent, holdSlotNames, supervisionSlotNames } from "./supervise.ts";
import { dropGroupsBeforeEntry, setGroups } from "./supplementary-groups.ts";
import { ttyGroup } from "./terminal.ts";
import { checkProcess } from "./validate.ts";

interface ExecCompilation {
  readonly builder: PlanBuilder;
  readonly process: OciProcess;
  readonly target: ExecTarget;
  readonly facts: HostFacts;
  readonly options: ExecOptions;
}

/** The plan that runs `process` in the container `target`. Throws TiffinError `invalid` for what cannot be. */
export function compileExec(
  process: OciProcess,
  target: ExecTarget,
  facts: HostFacts,
  options: ExecOptions,
): Plan {
  checkProcess(process);
  const builder = new PlanBuilder([
    "pidfd",
    ...(target.sharesMounts === true ? ["root"] : []),
    ...cgroupSlotNames(target.cgroupHierarchies, target.cgroupV2),
    ...supervisionSlotNames(options.supervise),
    ...stdioSlotNames(options.stdio),
    ...preserveSlotNames(options),
    ...holdSlotNames(options),
  ]);
  const compilation = { builder, process, target, facts, options };
  const ownUserNamespace = target.namespaces.includes("user");
  const open = openFlagsOf(facts.kernel.machine);

  setAffinity(builder, process.execCPUAffinity?.initial, "process.execCPUAffinity.initial");
  joinV1Groups(builder, target.cgroupHierarchies);
  setAffinity(builder, process.execCPUAffinity?.final, "process.execCPUAffinity.final");
  writeScore(compilation);
  const label = wantedLabel(process, facts);
  enterNamespaces(compilation);
  // A mount namespace that is entered brings its root along.
  if (target.sharesMounts === true)
    builder.child({ op: "chroot", fields: { root: builder.received("root") } }, "exec");
  joinContainerKeyring(compilation);
  const labelled = label === undefined ? {} : { label: { ...label, proc: openLabelProc(builder, label) } };
  const owner = {
    uid: hostId(target.uidMappings, process.user.uid, "user"),
    gid: hostId(target.gidMappings, process.user.gid, "group"),
  };
  const { stdio } = options;
  if (stdio.kind === "terminal") openTerminal(compilation, stdio);
  // The container's own /dev/null is not trusted to be one: without stdin an empty pipe serves.
  const ends =
    stdio.kind === "terminal" ? noEnds : connectStdio({ builder, stdio, owner, open, dev: undefined });
  becomeProgram({
    builder,
    process,
    facts,
    options,
    ownUserNamespace,
    groups: target.groups ?? "allowed",
    init: false,
    ...(target.personality !== undefined && { linux: { personality: target.personality } }),
    ...labelled,
  });

  holdParent(builder, options);
  finishParent(builder, options, ends);
  joinPidNamespace(compilation);
  const cgroup = cloneCgroupSlot(builder, target.cgroupV2);
  builder.prepare({ op: "clone", fields: { flags: 0, cgroup } }, "exec", "new process");
  return builder.finish();
}

/** The supervisor's own pid namespace stays; only its next child is born in the container's. */
function joinPidNamespace({ builder, options, target }: ExecCompilation): void {
  if (options.unprivileged === true && target.namespaces.includes("user")) {
    // Only the owner's rights over this namespace open the others.
    const fields = { slot: builder.received("pidfd"), nstype: cloneFlags.newUser };
    builder.prepare({ op: "setns", fields }, "exec", "user namespace");
  }
  if (!target.namespaces.includes("pid")) return;
  const fields = { slot: builder.received("pidfd"), nstype: cloneFlags.newPid };
  builder.prepare({ op: "setns", fields }, "exec", "pid namespace");
}

/** All others in one call: the kernel takes the user namespace first and checks the rest against it. */
function enterNamespaces(compilation: ExecCompilation): void {
  const { builder, facts, options, target } = compilation;
  const { groups = "allowed" } = target;
  const done = options.unprivileged === true ? ["pid", "user"] : ["pid"];
  const types = target.namespaces.filter((type) => !done.includes(type));
  if (types.length === 0) return;
  const nstype = types.reduce((flags, type) => flags + namespaceFlag(type), 0);
  const fields = { slot: builder.received("pidfd"), nstype };
  if (types.includes("user")) dropGroupsBeforeEntry(builder, groups, facts, "child", "exec");
  builder.child({ op: "setns", fields }, "exec", `${types.join(", ")} namespaces`);
  if (!target.namespaces.includes("user")) return;
  setGroups(builder, groups, [], "exec");
  builder.child({ op: "setIds", fields: { uid: 0, gid: 0 } }, "exec", "root of the namespace");
}

/** Written through the host's /proc while the process is still on the host. */
function writeScore({ builder, facts, process }: ExecCompilation): void {
  const score = process.oomScoreAdj;
  if (score === undefined) return;
  if (score < facts.identity.oomScoreAdj && !mayExceed(facts)) {
    builder.warn(`oom_score_adj ${score} needs CAP_SYS_RESOURCE: not applied`);
    return;
  }
  openOwnFiles(builder, facts);
  const open = openFlagsOf(facts.kernel.machine);
  const [out, path] = [builder.slot(), "/proc/self/oom_score_adj"];
  const flags = open.writeOnly | open.closeOnExec;
  const cause = "process.oomScoreAdj";
  builder.child({ op: "open", fields: { out, dir: slotNone, path, flags, mode: 0, resolve: 0 } }, cause);
  const data = new TextEncoder().encode(String(score));
  builder.child({ op: "write", fields: { dir: out, path: null, data } }, cause, path);
}

function joinContainerKeyring({ builder, target }: ExecCompilation): void {
  builder.child(
    { op: "keyring", fields: { name: `tiffin-${target.id}` } },
    "the container's session keyring",
  );
}

function openTerminal(
  { builder, process, target }: ExecCompilation,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): void {
  const { uid } = process.user;
  const gid = target.terminalGid ?? ttyGroup;
  const fields = { root: slotNone, path: "/dev/ptmx", rows, columns, uid, gid, console: 0 };
  builder.child({ op: "pty", fields }, "process.terminal");
}
