/** Everything that is decided about a container before anything is made: its plan, and what is kept of it. */

import { readText } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import type { CgroupFacts, HostFacts, IdentityFacts } from "../../linux/host-facts.ts";
import { type MountEntry, parseMountInfo } from "../../linux/mountinfo.ts";
import type { LinuxSpec, OciNamespaceType, OciProcess, RuntimeSpec } from "../../oci/mod.ts";
import { compileContainer } from "../../plan/compile-container.ts";
import type { ContainerOptions, Stdio } from "../../plan/options.ts";
import type { Plan } from "../../plan/plan.ts";
import { groupsRule } from "../../plan/supplementary-groups.ts";
import { terminalGroup } from "../../plan/terminal.ts";
import {
  type ContainerGroup,
  groupAboveCaller,
  isHostRoot,
  usableCgroups,
} from "../../runtime/groups/mod.ts";
import { environmentOf, type HookState, planHooks } from "../../runtime/hooks/mod.ts";
import type { PlannedScope } from "../../runtime/systemd/mod.ts";
import type { ContainerRecord } from "../container/container-record.ts";
import { homeOf, readHome, withHome } from "../container/home-directory.ts";
import { hookState } from "../container/hook-state.ts";
import { type RuntimeHost, requireOwnProcess } from "../host/host.ts";
import { inheritedFds } from "../host/inherited-fds.ts";
import type { Bundle } from "./bundle.ts";
import type { CreateRequest } from "./creation-request.ts";
import { withDefaultDevices, withoutDevices } from "./default-devices.ts";
import { compileFilter, filterOptions } from "./seccomp-filter.ts";

const socketDigits = 12;
/** Room for the mount point of a hierarchy and the name of a file is left below PATH_MAX. */
const longestGroupPath = 3500;
const longestName = 255;

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
  const resctrl = await planClass(linux, id, request.host);
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
    rootfs: { kind: "directory", path: bundle.rootfs, isTop: bundle.rootIsTop },
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
    ...(looksInside(spec, facts) && { unprivileged: true }),
    ...(request.noPivot && { noPivot: hostMounts(request.host) }),
    foreignNamespaces: await foreignNamespaces(spec),
    syncEnvironment: meetsHost(spec) || scope?.isUnfinished === true,
    hooks: {
      createContainer: planHooks(hooks.createContainer ?? [], state("creating"), () =>
        environmentOf(request.host.env),
      ),
      startContainer: planHooks(hooks.startContainer ?? [], state("created"), () => spec.process?.env ?? []),
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

/** A user namespace is joined with others that it does not own. */
async function foreignNamespaces({ linux = {} }: RuntimeSpec): Promise<OciNamespaceType[]> {
  const joined = (linux.namespaces ?? []).filter(({ path }) => (path ?? "") !== "");
  const user = joined.find(({ type }) => type === "user");
  if (user === undefined || joined.length === 1) return [];
  const { isNamespaceOwnedBy } = await import("../../kernel/namespace-owner.ts");
  return joined
    .filter((each) => each !== user && isNamespaceOwnedBy(each.path ?? "", user.path ?? "") === false)
    .map(({ type }) => type);
}

/** Mounts are looked up in the container's own mount namespace: no rights over the host's, or another one is wanted. */
function looksInside({ linux = {} }: RuntimeSpec, { identity }: HostFacts): boolean {
  if (!identity.effective.includes("CAP_SYS_ADMIN") || identity.inUserNamespace) return true;
  return (linux.namespaces ?? []).some(({ type, path }) => type === "mount" && (path ?? "") !== "");
}

function hostMounts({ procName }: CreateRequest["host"]): MountEntry[] {
  return parseMountInfo(readText(`/proc/${procName}/mountinfo`));
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
    throw new TiffinError(
      "invalid",
      "runtime.cgroups-path",
      `linux.cgroupsPath is ${JSON.stringify(path)}, wanted the path of a group below the top, without ".."`,
    );
  }
  return `${path?.startsWith("/") === true ? "" : groupAboveCaller(facts)}/${parts.join("/")}`;
}

function recordedCgroup(
  plan: Plan,
  facts: CgroupFacts,
  directory: string,
  scope: PlannedScope | undefined,
): ContainerGroup | null {
  const joined = plan.hostOps.flatMap((op) => (op.op === "cgroupCreate" ? [op.hierarchy] : []));
  if (joined.length === 0) return null;
  return { directory, facts, joined, ...(scope !== undefined && { unit: scope.unit }) };
}

function recordOf(
  request: CreateRequest,
  { spec, path, rootfs }: Bundle,
  identity: IdentityFacts,
  cgroup: ContainerGroup | null,
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
    ...(groupsRule(linux, identity) === "forbidden" && { setgroupsDenied: true }),
    ...(terminalGid !== undefined && { terminalGid }),
    ...(spec.linux?.personality !== undefined && { personality: spec.linux.personality }),
    ...(seccomp !== undefined && { seccomp }),
    ...(request.hold && { startSocket: `@start-${randomHex(socketDigits)}` }),
    hooks: { ...(poststart !== undefined && { poststart }), ...(poststop !== undefined && { poststop }) },
  };
}

async function planClass(
  { intelRdt }: LinuxSpec,
  id: string,
  host: RuntimeHost,
): Promise<ContainerRecord["resctrl"]> {
  if (intelRdt === undefined) return undefined;
  requireOwnProcess(host, "resctrl");
  return (await import("../../runtime/resctrl-class.ts")).planResctrl(intelRdt, id);
}
