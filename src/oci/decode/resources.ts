/** `linux.resources` of config.json, also the document of `update --resources`. */
import type {
  OciBlockIo,
  OciCpu,
  OciDeviceCgroupRule,
  OciHugepageLimit,
  OciMemory,
  OciNetworkResources,
  OciPids,
  OciRdma,
  OciResources,
  OciThrottleDevice,
  OciWeightDevice,
} from "../resources.ts";
import {
  type Decoder,
  flag,
  int64,
  integer,
  list,
  mapOf,
  object,
  oneOf,
  optional,
  required,
  text,
  uint32,
  uint64,
  wrong,
} from "./decoder.ts";
import { parseDocument } from "./json.ts";

const highestWeight = 0xffff;
const weight = integer(0, highestWeight);
const accessPattern = /^[rwm]*$/;

const access: Decoder<string> = (value, path) => {
  const found = text(value, path);
  if (!accessPattern.test(found)) throw wrong(path, value, "letters of rwm");
  return found;
};

/** Part of the name of a file in the container's group, which it must not lead out of. */
const fileName: Decoder<string> = (value, path) => {
  const found = text(value, path);
  if (found.includes("/")) throw wrong(path, value, "a name without slashes");
  return found;
};

const deviceRule = object<OciDeviceCgroupRule>({
  allow: required(flag),
  type: optional((value, path) => oneOf(["a", "b", "c"])(value === "" ? "a" : value, path)),
  major: optional(int64),
  minor: optional(int64),
  access: optional(access),
});

const memory = object<OciMemory>({
  limit: optional(int64),
  reservation: optional(int64),
  swap: optional(int64),
  kernel: optional(int64),
  kernelTCP: optional(int64),
  swappiness: optional(integer(0, 200)),
  disableOOMKiller: optional(flag),
  useHierarchy: optional(flag),
  checkBeforeUpdate: optional(flag),
});

const cpu = object<OciCpu>({
  shares: optional(uint64),
  quota: optional(int64),
  burst: optional(uint64),
  period: optional(uint64),
  realtimeRuntime: optional(int64),
  realtimePeriod: optional(uint64),
  cpus: optional(text),
  mems: optional(text),
  idle: optional(int64),
});

const throttles = optional(
  list(object<OciThrottleDevice>({ major: required(int64), minor: required(int64), rate: required(uint64) })),
);

const blockIo = object<OciBlockIo>({
  weight: optional(weight),
  leafWeight: optional(weight),
  weightDevice: optional(
    list(
      object<OciWeightDevice>({
        major: required(int64),
        minor: required(int64),
        weight: optional(weight),
        leafWeight: optional(weight),
      }),
    ),
  ),
  throttleReadBpsDevice: throttles,
  throttleWriteBpsDevice: throttles,
  throttleReadIOPSDevice: throttles,
  throttleWriteIOPSDevice: throttles,
});

const network = object<OciNetworkResources>({
  classID: optional(uint32),
  priorities: optional(
    list(
      object<{ readonly name: string; readonly priority: number }>({
        name: required(text),
        priority: required(uint32),
      }),
    ),
  ),
});

export const resourcesDecoder: Decoder<OciResources> = object<OciResources>({
  devices: optional(list(deviceRule)),
  memory: optional(memory),
  cpu: optional(cpu),
  pids: optional(object<OciPids>({ limit: optional(int64) })),
  blockIO: optional(blockIo),
  hugepageLimits: optional(
    list(object<OciHugepageLimit>({ pageSize: required(fileName), limit: required(uint64) })),
  ),
  network: optional(network),
  rdma: optional(mapOf(object<OciRdma>({ hcaHandles: optional(uint32), hcaObjects: optional(uint32) }))),
  unified: optional((value, path) => {
    const files = mapOf(text)(value, path);
    for (const name of Object.keys(files)) fileName(name, `key of ${path}`);
    return files;
  }),
});

/** Reads a resources document. Throws TiffinError invalid `oci.invalid-document`. */
export function decodeResources(bytes: Uint8Array): OciResources {
  return resourcesDecoder(parseDocument(bytes, "the resources document"), "resources");
}
