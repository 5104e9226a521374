/** The `linux` object of config.json. */

import type { OciIdMapping } from "../id-mapping.ts";
import {
  type LinuxSpec,
  namespaceTypes,
  type OciDevice,
  type OciIntelRdt,
  type OciNamespace,
  type OciPropagation,
  type OciTimeOffset,
  propagationModes,
} from "../linux-spec.ts";
import {
  absolutePath,
  type Decoder,
  flag,
  id,
  int64,
  integer,
  list,
  mapOf,
  object,
  oneOf,
  optional,
  required,
  text,
  wrong,
} from "./decoder.ts";
import { resourcesDecoder } from "./resources.ts";
import { seccompDecoder } from "./seccomp-spec.ts";

const names = list(text);
/** Type bits are allowed, as tools copy st_mode; only permissions count. */
const highestMode = 0o177777;
const highestNanoseconds = 999_999_999;

const namespace = object<OciNamespace>({
  type: required(oneOf(namespaceTypes)),
  path: optional((value, path) => (value === "" ? "" : absolutePath(value, path))),
});

const device = object<OciDevice>({
  type: required(oneOf(["c", "u", "b", "p"])),
  path: required(absolutePath),
  major: optional(int64),
  minor: optional(int64),
  fileMode: optional(integer(0, highestMode)),
  uid: optional(id),
  gid: optional(id),
});

const timeOffset = object<OciTimeOffset>({
  secs: optional(int64),
  nanosecs: optional(integer(0, highestNanoseconds)),
});

const knownOffsets = object<NonNullable<LinuxSpec["timeOffsets"]>>({
  monotonic: optional(timeOffset),
  boottime: optional(timeOffset),
});

/** Names of clocks are values, not properties: one that there is not is an error. */
const timeOffsets: typeof knownOffsets = (value, path) => {
  const offsets = knownOffsets(value, path);
  const unknown = Object.keys(Object(value)).find((name) => name !== "monotonic" && name !== "boottime");
  if (unknown !== undefined) throw wrong(path, unknown, "the clocks monotonic and boottime");
  return offsets;
};

const propagations: readonly OciPropagation[] = [
  ...propagationModes,
  ...propagationModes.map((mode) => `r${mode}` as const),
];

/** `idMappings` is handed in, because mounts decode it too. */
export function linuxDecoder(idMappings: Decoder<readonly OciIdMapping[]>): Decoder<LinuxSpec> {
  return object<LinuxSpec>({
    namespaces: optional(list(namespace)),
    uidMappings: optional(idMappings),
    gidMappings: optional(idMappings),
    timeOffsets: optional(timeOffsets),
    devices: optional(list(device)),
    netDevices: optional(mapOf(object<{ readonly name?: string }>({ name: optional(text) }))),
    cgroupsPath: optional(text),
    resources: optional(resourcesDecoder),
    // Empty text is how some tools write "not set".
    rootfsPropagation: optional((value, path) => oneOf(propagations)(value === "" ? "private" : value, path)),
    seccomp: optional(seccompDecoder),
    sysctl: optional(mapOf(text)),
    maskedPaths: optional(names),
    readonlyPaths: optional(names),
    mountLabel: optional(text),
    intelRdt: optional(
      object<OciIntelRdt>({
        closID: optional(text),
        schemata: optional(names),
        l3CacheSchema: optional(text),
        memBwSchema: optional(text),
        enableMonitoring: optional(flag),
      }),
    ),
    memoryPolicy: optional(
      object<NonNullable<LinuxSpec["memoryPolicy"]>>({
        mode: required(text),
        nodes: optional(text),
        flags: optional(names),
      }),
    ),
    personality: optional(
      object<NonNullable<LinuxSpec["personality"]>>({ domain: required(text), flags: optional(names) }),
    ),
  });
}
