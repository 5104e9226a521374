/** Starts a further process in a running container: compiled like a container's, entering what exists. */
import { existsSync } from "node:fs";
import { openFlags } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { readRootAccounts } from "../../kernel/root-accounts.ts";
import { cgroupPath, unifiedHierarchy } from "../../linux/cgroup.ts";
import { type ResolvedUser, resolveUser } from "../../linux/passwd.ts";
import type { OciProcess } from "../../oci/mod.ts";
import type { ExecTarget, Plan } from "../../plan/mod.ts";
import { openCgroupSlots, processGroups, type SupervisedProcess } from "../../runtime/mod.ts";
import {
  type Container,
  capabilitySets,
  cgroupOf,
  environmentOf,
  grantedCapabilities,
  heldProcess,
  isAlive,
  limitsOf,
  linkedEnvironment,
  mappedIds,
  namespaceKinds,
  notRunningError,
  openOfProcess,
} from "../container/mod.ts";
import type { ExecContext } from "./context.ts";
import type { Exec } from "./model.ts";

const defaultSize = { rows: 24, columns: 80 };

/** Launches the exec's process with clients of these attach flags. Errors: `conflict` when the container has ended. */
export async function launchExec(
  context: ExecContext,
  exec: Exec,
  clients: readonly number[],
): Promise<SupervisedProcess> {
  const { container } = exec;
  const { state, id } = container;
  if (!isAlive(state)) throw notRunningError(id);
  const main = heldProcess(container);
  const pidfd = main.pidfd();
  if (pidfd === undefined) throw notRunningError(id);
  const fds = new Map<string, OwnedFd>([["pidfd", pidfd]]);
  using _fds = {
    [Symbol.dispose]: () => {
      for (const fd of fds.values()) fd[Symbol.dispose]();
    },
  };
  const plan = planOf(context, exec, clients);
  const group = cgroupOf(context, id);
  const others = groupsBelow(context, group, main.pid);
  for (const [name, fd] of openCgroupSlots(plan, context.facts, group, others)) fds.set(name, fd);
  return await context.runtime.launch({ plan, fds, onToken: () => context.fail("exec.token") });
}

/** What the exec's process does, decided in the container as it is now. */
export function planOf(context: ExecContext, exec: Exec, clients: readonly number[]): Plan {
  const { container, config } = exec;
  const { document } = container;
  const capabilities = capabilitiesOf(context, exec);
  const size = exec.size ?? defaultSize;
  const process = processOf(container, exec, userOf(container, exec), capabilities, size, [
    ...linkedEnvironment(context, container),
  ]);
  const { security } = document.specification;
  const privileged = config.privileged || security.privileged;
  const filter = context.seccomp.filter(security.seccomp, capabilities, privileged);
  return context.plans.compileExec(process, targetOf(context, container), {
    stdio: config.tty ? { kind: "terminal", ...size } : { kind: "pipes", stdin: config.stdin },
    supervise: {
      kind: "supervise",
      stdinOnce: config.stdin,
      attachClients: clients.map((flags) => ({ flags })),
    },
    ...(filter !== undefined && { seccompProgram: filter.program, seccompFlags: filter.flags }),
  });
}

/** Only cgroup v2 has groups that take no process because of those below. */
function groupsBelow({ facts }: ExecContext, directory: string, pid: number): ReadonlyMap<string, string> {
  if (facts.cgroup.mode !== "v2") return new Map();
  return processGroups({ directory, facts: facts.cgroup, joined: [unifiedHierarchy] }, pid);
}

/** Looked up in the container's own root, which its processes may be changing. */
function userOf(container: Container, exec: Exec): ResolvedUser {
  const { user, groups } = container.document.specification.process;
  const word = exec.config.user || user;
  using root = openOfProcess(container, "root", openFlags.path | openFlags.directory);
  const accounts = readRootAccounts({ root });
  return resolveUser(word, groups, accounts.passwd, accounts.groups);
}

function capabilitiesOf(context: ExecContext, exec: Exec): string[] {
  const { capabilities } = exec.container.document.specification.security;
  return grantedCapabilities(
    exec.config.privileged ? undefined : capabilities,
    context.facts.identity.bounding,
  );
}

function processOf(
  container: Container,
  exec: Exec,
  user: ResolvedUser,
  capabilities: readonly string[],
  size: { readonly rows: number; readonly columns: number },
  linked: readonly string[],
): OciProcess {
  const { hostname, process, security } = container.document.specification;
  const { command, env, directory, tty } = exec.config;
  return {
    terminal: tty,
    ...(tty && { consoleSize: { height: size.rows, width: size.columns } }),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: command,
    env: environmentOf([...process.environment, ...env], {
      hostname,
      home: user.home,
      terminal: tty,
      linked,
    }),
    cwd: directory || process.directory || "/",
    capabilities: capabilitySets(capabilities, user.uid),
    noNewPrivileges: security.noNewPrivileges,
    ...limitsOf(process),
  };
}

function targetOf(context: ExecContext, container: Container): ExecTarget {
  const { cgroup } = context.facts;
  const group = cgroupOf(context, container.id);
  const present = (hierarchy: string): boolean => {
    const path = cgroupPath(cgroup, hierarchy, group);
    return path !== undefined && existsSync(path);
  };
  const { firstHostId } = container.document;
  const mapping =
    firstHostId === null ? undefined : [{ containerID: 0, hostID: firstHostId, size: mappedIds }];
  return {
    id: container.id,
    namespaces: namespaceKinds(container.document.specification),
    ...(mapping !== undefined && { uidMappings: mapping, gidMappings: mapping }),
    cgroupHierarchies: cgroup.v1.map(({ name }) => name).filter(present),
    cgroupV2: present(unifiedHierarchy),
  };
}
