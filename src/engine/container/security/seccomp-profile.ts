/**
 * Decodes a seccomp profile that a user wrote, in the OCI's form or in Docker's, whose rules may depend on
 * capabilities, architecture and kernel.
 */
import { closed, type Decoded, integer, list, optional, text } from "../../../docker/decode.ts";
import type { SeccompProfile } from "../../../linux/seccomp.ts";

/** What is like no known key is a newer version's; what is like one is a slip, and a rule that would not hold. */
const slipsOnly = true;
const condition = closed(
  { caps: optional(list(text)), arches: optional(list(text)), minKernel: optional(text) },
  { slipsOnly },
);
type Condition = Decoded<typeof condition>;

const comparison = closed(
  { index: integer, value: integer, valueTwo: optional(integer), op: text },
  { slipsOnly },
);
const rule = closed(
  {
    name: optional(text),
    names: optional(list(text)),
    action: text,
    errnoRet: optional(integer),
    args: optional(list(comparison)),
    includes: optional(condition),
    excludes: optional(condition),
  },
  { slipsOnly, besides: ["comment"] },
);
const machine = closed({ architecture: text, subArchitectures: optional(list(text)) }, { slipsOnly });
const profileDocument = closed(
  {
    defaultAction: text,
    defaultErrnoRet: optional(integer),
    architectures: optional(list(text)),
    archMap: optional(list(machine)),
    flags: optional(list(text)),
    syscalls: optional(list(rule)),
  },
  { slipsOnly, besides: ["listenerPath", "listenerMetadata"] },
);

export interface ProfileSubject {
  readonly capabilities: readonly string[];
  /** Docker's word for the machine: `amd64`. */
  readonly architecture: string;
  /** The OCI's: `SCMP_ARCH_X86_64`. */
  readonly ociArchitecture: string;
  readonly kernel: { readonly major: number; readonly minor: number };
}

/** The profile for this process on this machine. Errors: `invalid` naming the field. */
export function decodeSeccompProfile(document: unknown, subject: ProfileSubject): SeccompProfile {
  const profile = profileDocument(document, "");
  const own = (profile.archMap ?? []).find((entry) => entry.architecture === subject.ociArchitecture);
  const architectures =
    own === undefined ? profile.architectures : [own.architecture, ...(own.subArchitectures ?? [])];
  return {
    defaultAction: profile.defaultAction,
    defaultErrnoRet: profile.defaultErrnoRet,
    architectures,
    flags: profile.flags,
    syscalls: (profile.syscalls ?? [])
      .filter(
        (rule) =>
          (rule.includes === undefined || holds(rule.includes, subject)) &&
          !(rule.excludes !== undefined && touches(rule.excludes, subject)),
      )
      .map((rule) => ({
        names: [...(rule.name === undefined ? [] : [rule.name]), ...(rule.names ?? [])],
        action: rule.action,
        errnoRet: rule.errnoRet,
        args: rule.args,
      })),
  };
}

function kernelAtLeast(text: string | undefined, kernel: ProfileSubject["kernel"]): boolean {
  const [major = 0, minor = 0] = (text ?? "0.0").split(".").map(Number);
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor);
}

/** Everything that is named is there. */
function holds(wanted: Condition, subject: ProfileSubject): boolean {
  return (
    (wanted.caps ?? []).every((name) => subject.capabilities.includes(name)) &&
    (wanted.arches === undefined || wanted.arches.includes(subject.architecture)) &&
    kernelAtLeast(wanted.minKernel, subject.kernel)
  );
}

/** Something that is named is there. */
function touches(unwanted: Condition, subject: ProfileSubject): boolean {
  return (
    (unwanted.caps ?? []).some((name) => subject.capabilities.includes(name)) ||
    (unwanted.arches ?? []).includes(subject.architecture) ||
    (unwanted.minKernel !== undefined && kernelAtLeast(unwanted.minKernel, subject.kernel))
  );
}
