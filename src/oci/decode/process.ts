/** `process` of config.json, also the document of `exec --process`. */
import type {
  OciCapabilities,
  OciProcess,
  OciRlimit,
  OciScheduler,
  OciUser,
  RlimitValue,
} from "../runtime-spec.ts";
import {
  absolutePath,
  type Decoder,
  exactUint64,
  flag,
  id,
  int32,
  int64,
  integer,
  list,
  object,
  optional,
  required,
  text,
  uint32,
  uint64,
  wrong,
} from "./decoder.ts";
import { parseDocument } from "./json.ts";

const highestMode = 0o7777;
/** NGROUPS_MAX of the kernel. */
const mostGroups = 65_536;
const highestPriority = 0x7fff_ffff;
/** Everything from here on means "no limit" (RLIM_INFINITY is 2^64-1). */
const unlimitedFrom = 2 ** 63;

const names = list(text);

const rlimitValue: Decoder<RlimitValue> = (value, path) => {
  const number = uint64(value, path);
  return number >= unlimitedFrom ? "unlimited" : number;
};

const userFields = object<OciUser>({
  uid: required(id),
  gid: required(id),
  umask: optional(integer(0, highestMode)),
  additionalGids: optional((value, path) => {
    const groups = list(id)(value, path);
    if (groups.length > mostGroups) throw wrong(path, groups.length, `at most ${mostGroups} groups`);
    return groups;
  }),
});

/** Writers leave out a group that is 0. A user that is left out could be anybody, and is not taken for root. */
const user: Decoder<OciUser> = (value, path) => {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return userFields(isObject ? { gid: 0, ...value } : value, path);
};

const capabilities = object<OciCapabilities>({
  bounding: optional(names),
  effective: optional(names),
  inheritable: optional(names),
  permitted: optional(names),
  ambient: optional(names),
});

const scheduler = object<OciScheduler>({
  policy: required(text),
  nice: optional(int32),
  priority: optional(integer(0, highestPriority)),
  flags: optional(names),
  runtime: optional(exactUint64),
  deadline: optional(exactUint64),
  period: optional(exactUint64),
});

const fields = object<OciProcess>({
  terminal: optional(flag),
  consoleSize: optional(
    object<NonNullable<OciProcess["consoleSize"]>>({ height: required(uint32), width: required(uint32) }),
  ),
  user: required(user),
  args: optional(names),
  env: optional(names),
  cwd: required(absolutePath),
  capabilities: optional(capabilities),
  rlimits: optional(
    list(
      object<OciRlimit>({ type: required(text), soft: required(rlimitValue), hard: required(rlimitValue) }),
    ),
  ),
  noNewPrivileges: optional(flag),
  apparmorProfile: optional(text),
  oomScoreAdj: optional(integer(-1000, 1000)),
  selinuxLabel: optional(text),
  scheduler: optional(scheduler),
  ioPriority: optional(
    object<NonNullable<OciProcess["ioPriority"]>>({ class: required(text), priority: optional(int64) }),
  ),
  execCPUAffinity: optional(
    object<NonNullable<OciProcess["execCPUAffinity"]>>({ initial: optional(text), final: optional(text) }),
  ),
});

/** Decoder of a process. Whose it is may be left out, then it is root's, as other runtimes have it. */
export const processDecoder: Decoder<OciProcess> = (value, path) => {
  const isNobodys =
    typeof value === "object" && value !== null && (!("user" in value) || value.user === null);
  return fields(isNobodys && !Array.isArray(value) ? { ...value, user: { uid: 0, gid: 0 } } : value, path);
};

/** Reads a process document. Throws TiffinError invalid `oci.invalid-document`. */
export function decodeProcess(bytes: Uint8Array): OciProcess {
  return processDecoder(parseDocument(bytes, "the process document"), "process");
}
