import { expect, test } from "bun:test";
import type { CgroupFacts } from "../../linux/host-facts.ts";
import { mountAttributes } from "../../linux/mount-flags.ts";
import { parseMountInfo } from "../../linux/mountinfo.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { externalMountPoints, externalSources } from "./external-mounts.ts";
import { lostAttributes } from "./lost-attributes.ts";

const host = parseMountInfo(`20 1 254:0 / / rw - ext4 /dev/vda rw
21 20 0:20 / /sys rw - sysfs sysfs rw
22 21 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
23 20 0:31 / /data/below rw - tmpfs tmpfs rw
`);

const container = parseMountInfo(`40 39 254:0 /root / rw - ext4 /dev/vda rw
41 40 0:40 / /proc rw - proc proc rw
42 41 0:40 /sys /proc/sys ro - proc proc rw
43 40 0:20 / /sys ro - sysfs sysfs rw
44 43 0:30 /c1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
45 40 0:41 / /dev rw - tmpfs tmpfs rw
46 41 0:41 /null /proc/keys rw - tmpfs tmpfs rw
47 41 0:42 /empty /proc/acpi ro - tmpfs tiffin rw
48 40 254:0 /data /data ro,nosuid - ext4 /dev/vda rw
49 48 0:31 / /data/below rw - tmpfs tmpfs rw
50 40 254:0 /data /again rw - ext4 /dev/vda rw
`);

const spec: RuntimeSpec = {
  ociVersion: "1.3.0",
  root: { path: "rootfs", readonly: true },
  mounts: [
    { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro"] },
    { destination: "/data", type: "bind", source: "/data", options: ["rbind", "ro", "nosuid"] },
    { destination: "/link", type: "none", source: "/data", options: ["bind", "rro", "nodev"] },
  ],
  linux: { maskedPaths: ["/proc/acpi", "/proc/keys"], readonlyPaths: ["/proc/sys"] },
};

const facts: CgroupFacts = {
  mode: "hybrid",
  v1: ["memory", "cpuset"].map((name) => ({
    name,
    controllers: [name],
    mountPoint: `/sys/fs/cgroup/${name}`,
    ownPath: "/",
  })),
  v2: null,
  swapAccounting: true,
};
const place = (path: string): string => (path === "/link" ? "/again" : path);

test("external: file systems of the host and parts of ones that the container has not as a whole", () => {
  expect(externalMountPoints(container, host)).toEqual([
    "/sys/fs/cgroup/memory",
    "/proc/acpi",
    "/data",
    "/data/below",
    "/again",
  ]);
});

test("an id-mapped mount would be restored as another one", () => {
  const mapped = parseMountInfo("51 40 254:0 /data /mapped rw,idmapped - ext4 /dev/vda rw\n");
  expect(() => externalMountPoints([...container, ...mapped], host)).toThrow("/mapped");
});

test("a source for every place: binds and what lies below them, groups, masks, devices", () => {
  const sources = externalSources(spec, {
    facts,
    group: "/c2",
    joined: ["memory"],
    host,
    empty: "/empty",
    isDirectory: (path) => path === "/proc/acpi",
    place,
    devices: ["/dev/null"],
  });
  expect(Object.fromEntries(sources.map(({ key, value }) => [key, value]))).toEqual({
    "/dev/null": "/dev/null",
    "/sys/fs/cgroup/memory": "/sys/fs/cgroup/memory/c2",
    "/sys/fs/cgroup/cpuset": "/sys/fs/cgroup/cpuset",
    "/data": "/data",
    "/data/below": "/data/below",
    "/again": "/data",
    "/again/below": "/data/below",
    "/proc/acpi": "/empty",
    "/proc/keys": "/dev/null",
  });
});

test("restrictions that are asked for and not there", () => {
  const { readOnly, noDevices } = mountAttributes;
  expect(lostAttributes(spec, container, place)).toEqual([
    { mountPoint: "/again", set: readOnly | noDevices },
    { mountPoint: "/", set: readOnly },
  ]);
});
