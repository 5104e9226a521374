/**
 * The seccomp filter of a container as its processes get it: the compiled program, and the agent of the host that
 * decides about calls with SCMP_ACT_NOTIFY.
 */
import { SyscallError } from "../../kernel/syscall.ts";
import type { UnixStream } from "../../kernel/unix-stream.ts";
import { TiffinError } from "../../lib/errors.ts";
import { seccompFlagNumbers, seccompFlags, wantsListener } from "../../linux/seccomp.ts";
import type { OciSeccomp } from "../../oci/mod.ts";
import type { ProcessOptions } from "../../plan/options.ts";
import type { HookState } from "../../runtime/hooks/mod.ts";
import type { ContainerRecord } from "../container/container-record.ts";
import { connectForCaller, type RuntimeHost } from "../host/host.ts";

type RecordedFilter = NonNullable<ContainerRecord["seccomp"]>;

function invalid(message: string): TiffinError {
  return new TiffinError("invalid", "runtime.seccomp", `linux.seccomp: ${message}`);
}

/** Compiles the profile, or takes it from the cache below the root. */
export async function compileFilter(
  profile: OciSeccomp | undefined,
  root: string,
): Promise<RecordedFilter | undefined> {
  if (profile === undefined) return undefined;
  const { compileSeccomp } = await import("../../kernel/seccomp.ts");
  const asks = wantsListener(profile);
  const { listenerPath = "", listenerMetadata = "" } = profile;
  if (profile.defaultAction === "SCMP_ACT_NOTIFY")
    throw invalid("SCMP_ACT_NOTIFY cannot be the default action");
  const unknown = (profile.flags ?? []).find((flag) => !Object.hasOwn(seccompFlagNumbers, flag));
  if (unknown !== undefined) throw invalid(`unknown flag ${JSON.stringify(unknown)}`);
  if (asks && listenerPath === "") throw invalid("SCMP_ACT_NOTIFY needs a listenerPath");
  if (!asks && listenerMetadata !== "" && listenerPath === "")
    throw invalid("listenerMetadata without listenerPath");
  return {
    program: compileSeccomp(profile, `${root}/@seccomp`).toBase64(),
    flags: seccompFlags(profile),
    ...(asks && { agent: { path: listenerPath, metadata: listenerMetadata } }),
  };
}

/** The connection on which the agent gets the listener; undefined without one. The caller closes it. */
export function connectAgent(filter: RecordedFilter | undefined, host: RuntimeHost): UnixStream | undefined {
  const path = filter?.agent?.path;
  if (path === undefined) return undefined;
  try {
    return connectForCaller(path, host);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw invalid(`cannot connect to listenerPath ${path}: ${thrown.code}`);
  }
}

const blankPid = " ".repeat(10);
const beforePid = '{"pid":';
const beforeStatePid = ',"state":{"pid":';

/** What the specification calls the container process state, with blanks for the pid that nobody knows yet. */
function messageOf(metadata: string, state: HookState): NonNullable<ProcessOptions["seccompAgent"]> {
  const { ociVersion } = state;
  const more = { ociVersion, fds: ["seccompFd"], ...(metadata !== "" && { metadata }) };
  const text =
    `${beforePid}${blankPid}${beforeStatePid}${blankPid},${JSON.stringify(state).slice(1)},` +
    JSON.stringify(more).slice(1);
  const second = beforePid.length + blankPid.length + beforeStatePid.length;
  return { message: new TextEncoder().encode(text), pidOffsets: [beforePid.length, second] };
}

/** The plan's part of it. */
export function filterOptions(filter: RecordedFilter | undefined, state: HookState): Partial<ProcessOptions> {
  if (filter === undefined) return {};
  const { program, flags, agent } = filter;
  return {
    seccompProgram: Uint8Array.fromBase64(program),
    seccompFlags: flags,
    ...(agent !== undefined && { seccompAgent: messageOf(agent.metadata, state) }),
  };
}
