/** `exec`: one more process in a running container, with its namespaces, groups and filter. */
import { openFlags, tryOpenFile } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { openPidfd } from "../../kernel/pidfd.ts";
import { probeOnDemand } from "../../kernel/probe.ts";
import { windowSize } from "../../kernel/tty.ts";
import type { UnixStream } from "../../kernel/unix-stream.ts";
import { TiffinError } from "../../lib/errors.ts";
import { unifiedHierarchy } from "../../linux/cgroup.ts";
import type { OciProcess } from "../../oci/mod.ts";
import { compileExec } from "../../plan/compile-exec.ts";
import type { ExecTarget, Stdio } from "../../plan/options.ts";
import type { GroupsRule } from "../../plan/supplementary-groups.ts";
import { openCgroupSlots } from "../../runtime/host-ops.ts";
import { type CommandContext, idOf } from "../command.ts";
import { type ContainerRecord, readContainer, type StoredContainer } from "../container/container-record.ts";
import { readHome, withHome } from "../container/home-directory.ts";
import { hookState } from "../container/hook-state.ts";
import { startTicksOf, statusOf } from "../container/status.ts";
import { connectConsole, sendTerminal } from "../creation/console-socket.ts";
import { type ExecGroups, execGroups } from "../creation/exec-groups.ts";
import { execProcess } from "../creation/exec-process.ts";
import { writePidFile } from "../creation/pid-file.ts";
import { connectPidfdSocket, sendPidfd } from "../creation/pidfd-socket.ts";
import { connectAgent, filterOptions } from "../creation/seccomp-filter.ts";
import { log } from "../error-log.ts";
import { usage } from "../flags.ts";
import {
  absolutePath,
  type Executor,
  type Launched,
  type RuntimeHost,
  requireOwnProcess,
} from "../host/host.ts";
import { inheritedFds } from "../host/inherited-fds.ts";

export async function exec(context: CommandContext): Promise<number> {
  const { flags, host } = context;
  const foreground = !flags.switch("detach");
  if (foreground) host.enterForeground();
  using executor = await host.executor();
  const container = readContainer(context.root, idOf(context));
  using main = openMain(context, container);
  const process = execProcess(context, container.record);
  using console = openConsole(context, process, foreground);
  const watched = flags.text("pidfd-socket");
  using watcher = connectPidfdSocket(watched && absolutePath(watched, host), host);
  const launched = await launch(context, container, main, process, executor);
  const { pid } = launched;
  if (console !== undefined && launched.terminal !== undefined) {
    using master = launched.terminal;
    sendTerminal(console, master);
  }
  sendPidfd(watcher, pid);
  const pidFile = flags.text("pid-file");
  if (pidFile !== undefined) writePidFile(absolutePath(pidFile, host), pid);
  return foreground ? host.serveForeground(pid, launched.terminal) : 0;
}

/** The container's main process, held: its number cannot come to mean another one any more. */
function openMain(context: CommandContext, container: StoredContainer): OwnedFd {
  const { id, process } = container;
  const status = statusOf(context.root, container);
  if (status === "paused" && !context.flags.switch("ignore-paused")) {
    throw new TiffinError("conflict", "runtime.paused", `cannot exec in a paused container`, {
      remedy: "resume it, or use --ignore-paused",
    });
  }
  // Until its creation has ended, the process may still have the root of the host.
  const pidfd = process === undefined || status === "creating" ? undefined : openPidfd(process.pid);
  if (pidfd !== undefined && process !== undefined && startTicksOf(process.pid) === process.startTicks)
    return pidfd;
  pidfd?.[Symbol.dispose]();
  throw new TiffinError(
    "conflict",
    "runtime.not-running",
    `cannot exec in a ${status} container: ${id} is not running`,
  );
}

function openConsole(
  context: CommandContext,
  process: OciProcess,
  foreground: boolean,
): UnixStream | undefined {
  const socket = context.flags.text("console-socket");
  if (socket === undefined) {
    if (process.terminal === true && !foreground) {
      throw usage("cannot allocate a terminal when detached without --console-socket");
    }
    if (process.terminal === true) context.host.enterTerminal();
    return undefined;
  }
  if (process.terminal !== true || foreground) {
    throw usage("--console-socket is given, but the program has no terminal or is not detached");
  }
  return connectConsole(absolutePath(socket, context.host), context.host);
}

function stdioOf({ terminal, consoleSize }: OciProcess, host: RuntimeHost): Stdio {
  if (terminal !== true) return { kind: "slots" };
  if (consoleSize !== undefined) {
    return { kind: "terminal", rows: consoleSize.height, columns: consoleSize.width };
  }
  const { rows, columns } = windowSize(host.standard[0]) ?? { rows: 0, columns: 0 };
  return { kind: "terminal", rows, columns };
}

function sharesMounts({ namespaces }: ContainerRecord): boolean {
  return !namespaces.includes("mount");
}

/** The root of the main process, which is still the one that was meant after that. */
function openRoot({ id, process }: StoredContainer): OwnedFd {
  const root = tryOpenFile(`/proc/${process?.pid}/root`, openFlags.path | openFlags.directory);
  if (typeof root !== "number" && process !== undefined && startTicksOf(process.pid) === process.startTicks) {
    return root;
  }
  if (typeof root !== "number") root[Symbol.dispose]();
  throw new TiffinError("conflict", "runtime.not-running", `cannot exec in ${id}: it has ended`);
}

function groupsThere({ setgroupsDenied, joinedNamespaces = [] }: ContainerRecord): GroupsRule {
  if (setgroupsDenied === true) return "forbidden";
  return joinedNamespaces.includes("user") ? "unknown" : "allowed";
}

function targetOf({ id, record }: StoredContainer, groups: ExecGroups): ExecTarget {
  const { namespaces, uidMappings, gidMappings, terminalGid, personality } = record;
  return {
    id,
    namespaces,
    ...(sharesMounts(record) && { sharesMounts: true }),
    cgroupHierarchies: [...groups.keys()].filter((name) => name !== unifiedHierarchy),
    cgroupV2: groups.has(unifiedHierarchy),
    ...(uidMappings !== undefined && { uidMappings }),
    ...(gidMappings !== undefined && { gidMappings }),
    groups: groupsThere(record),
    ...(terminalGid !== undefined && { terminalGid }),
    ...(personality !== undefined && { personality }),
  };
}

async function launch(
  context: CommandContext,
  container: StoredContainer,
  main: OwnedFd,
  process: OciProcess,
  executor: Executor,
): Promise<Launched> {
  const { flags, host } = context;
  const { record } = container;
  const stdio = stdioOf(process, host);
  const inherited = inheritedFds(host, flags.number("preserve-fds") ?? 0, stdio.kind === "slots");
  const { seccomp, cgroup } = record;
  const pid = container.process?.pid ?? 0;
  const root = `/proc/${pid}/root`;
  const directories = execGroups(cgroup, pid, flags.list("cgroup"));
  const facts = probeOnDemand(host.procName);
  const compiled = compileExec(
    withHome(process, inherited.env, (uid) => {
      if (record.home?.uid === uid) return record.home.path;
      // What the container has put there may never answer.
      requireOwnProcess(host, "files of a container");
      return readHome(root, uid);
    }),
    targetOf(container, directories),
    facts,
    {
      stdio,
      exactLimits: true,
      supervise: { kind: "leave", waitExec: true },
      preserveFds: inherited.count,
      unprivileged: !facts.identity.effective.includes("CAP_SYS_ADMIN"),
      ...filterOptions(seccomp, hookState(container.id, record, "running")),
    },
  );
  const failpoint = host.env["TIFFIN_FAILPOINT"];
  const plan =
    failpoint === undefined
      ? compiled
      : (await import("../host/failpoint.ts")).failingPlan(compiled, failpoint);
  for (const warning of plan.warnings) log(context.log, "warning", warning);
  const groups =
    cgroup === null
      ? new Map<string, OwnedFd>()
      : openCgroupSlots(plan, { cgroup: cgroup.facts }, cgroup.directory, directories);
  try {
    using agent = connectAgent(seccomp, host);
    using root = sharesMounts(record) ? openRoot(container) : undefined;
    const fds = new Map([...inherited.fds, ...groups, ["pidfd", main] as const]);
    if (agent !== undefined) fds.set("seccomp-agent", agent.fd);
    if (root !== undefined) fds.set("root", root);
    return await executor.perform(plan, fds, () => {});
  } finally {
    for (const fd of groups.values()) fd[Symbol.dispose]();
  }
}
