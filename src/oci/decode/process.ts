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
} from "./decoder.ts";
import { parseDocument } from "./json.ts";

const highestMode = 0o7777;
/** Everything from here on means "no limit" (RLIM_INFINITY is 2^64-1). */
const unlimitedFrom = 2 ** 63;

const names = list(text);

const rlimitValue: Decoder<RlimitValue> = (value, path) => {
  const number = uint64(value, path);
  return number >= unlimitedFrom ? "unlimited" : number;
};

const user = object<OciUser>({
  uid: required(id),
  gid: required(id),
  umask: optional(integer(0, highestMode)),
  additionalGids: optional(list(id)),
});

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
  priority: optional(int32),
  flags: optional(names),
  runtime: optional(uint64),
  deadline: optional(uint64),
  period: optional(uint64),
});

/** Decoder of a process. */
export const processDecoder: Decoder<OciProcess> = object<OciProcess>({
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

/** Reads a process document. Throws TiffinError invalid `oci.invalid-document`. */
export function decodeProcess(bytes: Uint8Array): OciProcess {
  return processDecoder(parseDocument(bytes, "the process document"), "process");
}
