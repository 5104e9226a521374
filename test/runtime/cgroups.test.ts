/**
 * cgroupsPath and linux.resources, on whichever version of cgroups the machine has: a container's files say what was asked
 * for, in the version's own words, and what it has no words for is refused.
 */
import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import type { LinuxSpec, OciResources, RuntimeSpec } from "../../src/oci/mod.ts";
import { until } from "../support/until.ts";
import { type Bundle, groupsNamed, removeGroups, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const top = "/sys/fs/cgroup";
const unified = existsSync(`${top}/cgroup.controllers`);

function sleeper(linux: Partial<LinuxSpec>): RuntimeSpec {
  const spec = specOf(["/bin/sleep", "1000"]);
  return { ...spec, linux: { ...spec.linux, ...linux } };
}

/** `{version 2 file: value}` or `{version 1 hierarchy/file: value}`, read where the container's group is. */
function read(bundle: Bundle, files: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.keys(files).map((name): [string, string] => {
    const [hierarchy = "", file = ""] = name.split("/");
    const path = unified ? `${top}/${bundle.id}/${name}` : `${top}/${hierarchy}/${bundle.id}/${file}`;
    return [name, existsSync(path) ? readFileSync(path, "utf8").trim() : "no such file"];
  });
  return Object.fromEntries(entries);
}

/** A created container's files. */
async function expectFiles(
  bundle: Bundle,
  resources: OciResources,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const { code, stderr } = await bundle.create(sleeper({ cgroupsPath: `/${bundle.id}`, resources }));
  expect({ code, said: code === 0 ? "" : stderr }).toEqual({ code: 0, said: "" });
  expect(read(bundle, wanted)).toEqual({ ...wanted });
}

const mega = 2 ** 20;
/** A disk of this machine, as `major:minor`. */
const disk = readdirSync("/sys/class/block")
  .filter((name) => /^[sv]d[a-z]$|^nvme\d+n\d+$/.test(name))
  .map((name) => readFileSync(`/sys/class/block/${name}/dev`, "utf8").trim())[0];
const hasHugetlb = existsSync(unified ? `${top}/user.slice/hugetlb.2MB.max` : `${top}/hugetlb`) || unified;

eachRuntime("limits of memory, processor, processes and huge pages", async (bundle) => {
  const resources: OciResources = {
    memory: { limit: 64 * mega, reservation: 32 * mega, swap: 96 * mega },
    cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0", mems: "0" },
    pids: { limit: 30 },
    ...(hasHugetlb && { hugepageLimits: [{ pageSize: "2MB", limit: 4 * mega }] }),
  };
  const second = {
    "memory.max": String(64 * mega),
    "memory.low": String(32 * mega),
    "memory.swap.max": String(32 * mega),
    "cpu.max": "50000 100000",
    "cpuset.cpus": "0",
    "cpuset.mems": "0",
    "pids.max": "30",
    "hugetlb.2MB.max": String(4 * mega),
  };
  const first = {
    "memory/memory.limit_in_bytes": String(64 * mega),
    "memory/memory.soft_limit_in_bytes": String(32 * mega),
    ...(existsSync(`${top}/memory/memory.memsw.limit_in_bytes`) && {
      "memory/memory.memsw.limit_in_bytes": String(96 * mega),
    }),
    "cpu/cpu.shares": "512",
    "cpu/cpu.cfs_quota_us": "50000",
    "cpu/cpu.cfs_period_us": "100000",
    "cpuset/cpuset.cpus": "0",
    "cpuset/cpuset.mems": "0",
    "pids/pids.max": "30",
    ...(hasHugetlb && { "hugetlb/hugetlb.2MB.limit_in_bytes": String(4 * mega) }),
  };
  await expectFiles(bundle, resources, unified ? second : first);
});

eachRuntime(
  "block I/O: bytes and operations per second of a disk",
  async (bundle) => {
    const [major = 0, minor = 0] = (disk ?? "").split(":").map(Number);
    const resources = {
      blockIO: {
        throttleReadBpsDevice: [{ major, minor, rate: mega }],
        throttleWriteBpsDevice: [{ major, minor, rate: 2 * mega }],
        throttleReadIOPSDevice: [{ major, minor, rate: 100 }],
        throttleWriteIOPSDevice: [{ major, minor, rate: 200 }],
      },
    };
    const first = {
      "blkio/blkio.throttle.read_bps_device": `${disk} ${mega}`,
      "blkio/blkio.throttle.write_bps_device": `${disk} ${2 * mega}`,
      "blkio/blkio.throttle.read_iops_device": `${disk} 100`,
      "blkio/blkio.throttle.write_iops_device": `${disk} 200`,
    };
    const second = { "io.max": `${disk} rbps=${mega} wbps=${2 * mega} riops=100 wiops=200` };
    await expectFiles(bundle, resources, unified ? second : first);
  },
  { impossible: disk === undefined ? "there is no disk" : undefined },
);

eachRuntime(
  "idle and burst",
  async (bundle) => {
    const cpu = { quota: 50_000, period: 100_000, burst: 20_000 };
    const second = { "cpu.max.burst": "20000" };
    await expectFiles(bundle, { cpu }, unified ? second : { "cpu/cpu.cfs_burst_us": "20000" });
    await bundle.call("delete", "--force", bundle.id);
    await expectFiles(bundle, { cpu: { idle: 1 } }, unified ? { "cpu.idle": "1" } : { "cpu/cpu.idle": "1" });
  },
  { except: { crun: "1.8 is older than burst", runc: "1.1 is older than both" } },
);

eachRuntime(
  "unified: files of version 2, verbatim",
  async (bundle) => {
    const files = {
      "memory.high": String(48 * mega),
      "memory.min": String(mega),
      "pids.max": "33",
      "cpu.weight": "77",
      "cgroup.max.descendants": "5",
    };
    await expectFiles(bundle, { unified: files }, files);
  },
  { impossible: unified ? undefined : "the machine has version 1" },
);

eachRuntime(
  "without resources nothing is limited, and kernel memory is no limit at all",
  async (bundle) => {
    const wanted = unified ? { "memory.max": "max", "pids.max": "max" } : { "pids/pids.max": "max" };
    await expectFiles(bundle, { memory: { kernel: 8 * mega } }, wanted);
    await bundle.call("delete", "--force", bundle.id);
    const linux = { ...sleeper({}).linux, cgroupsPath: `/${bundle.id}` };
    expect((await bundle.create({ ...sleeper({}), linux })).code).toBe(0);
    expect(read(bundle, wanted)).toEqual(wanted);
  },
  unified ? { except: { crun: "1.8 refuses it on version 2" } } : {},
);

eachRuntime(
  "cgroupsPath: nested, relative, absent; only the container's own group is removed",
  async (bundle) => {
    const groupOf = async (): Promise<string> =>
      readFileSync(`/proc/${(await bundle.state())["pid"]}/cgroup`, "utf8");
    for (const cgroupsPath of [`/${bundle.id}.d/a/b`, `${bundle.id}.d/c`, undefined]) {
      const { code, stderr } = await bundle.create(sleeper(cgroupsPath === undefined ? {} : { cgroupsPath }));
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(await groupOf()).toContain(cgroupsPath ?? bundle.id);
      expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    }
    const tops = unified ? [top] : readdirSync(top).map((name) => `${top}/${name}`);
    for (const place of tops) {
      for (const below of ["/a/b", "/c"]) expect(existsSync(`${place}/${bundle.id}.d${below}`)).toBe(false);
    }
    removeGroups(`${bundle.id}.d`);
  },
);

eachRuntime(
  "update: device rules stay, as a hook may have added some",
  async (bundle) => {
    const devices = [{ allow: false, access: "rwm" }];
    await bundle.create(sleeper({ cgroupsPath: `/${bundle.id}`, resources: { devices } }));
    const file = (name: string): string => `${top}/devices/${bundle.id}/devices.${name}`;
    if (!unified) writeFileSync(file("allow"), "c 1:11 rwm");
    const change = JSON.stringify({ devices, pids: { limit: 20 } });
    const told = await bundle.callWith({ stdin: change }, "update", "--resources", "-", bundle.id);
    expect({ code: told.code, said: told.stderr }).toEqual({ code: 0, said: "" });
    const wanted = unified ? { "pids.max": "20" } : { "pids/pids.max": "20" };
    expect(read(bundle, wanted)).toEqual(wanted);
    if (!unified) expect(readFileSync(file("list"), "utf8")).toContain("c 1:11 rwm");
  },
  { except: { crun: "1.8 writes the rules of the document" } },
);

eachRuntime(
  "update: no limit of memory is none of memory and swap either",
  async (bundle) => {
    const resources: OciResources = { memory: { limit: 64 * mega, swap: 96 * mega } };
    await bundle.create(sleeper({ cgroupsPath: `/${bundle.id}`, resources }));
    const change = JSON.stringify({ memory: { limit: -1 } });
    const told = await bundle.callWith({ stdin: change }, "update", "--resources", "-", bundle.id);
    expect({ code: told.code, said: told.stderr }).toEqual({ code: 0, said: "" });
    const wanted = unified
      ? { "memory.max": "max", "memory.swap.max": "max" }
      : { "memory/memory.limit_in_bytes": "9223372036854771712" };
    expect(read(bundle, wanted)).toEqual(wanted);
  },
  { except: { crun: "1.8 writes the first of the two limits only" } },
);

eachRuntime(
  "update: of several limits all are set or none",
  async (bundle) => {
    const resources: OciResources = { memory: { limit: 64 * mega }, pids: { limit: 30 } };
    await bundle.create(sleeper({ cgroupsPath: `/${bundle.id}`, resources }));
    const wanted = unified
      ? { "memory.max": String(64 * mega), "pids.max": "30" }
      : { "memory/memory.limit_in_bytes": String(64 * mega), "pids/pids.max": "30" };
    const change = JSON.stringify({ memory: { limit: 48 * mega }, cpu: { period: 1 }, pids: { limit: 20 } });
    const told = await bundle.callWith({ stdin: change }, "update", "--resources", "-", bundle.id);
    expect(told.code).toBe(1);
    expect(read(bundle, wanted)).toEqual(wanted);
  },
  {
    except: {
      crun: "1.8 keeps those before the one that fails",
      runc: "1.1 means to set them back, and fails at that too",
    },
  },
);

eachRuntime(
  "update: processor time goes down and up below a group that allows little",
  async (bundle) => {
    const parent = `${top}${unified ? "" : "/cpu"}/${bundle.id}.d`;
    mkdirSync(parent);
    if (unified) writeFileSync(`${parent}/cgroup.subtree_control`, "+cpu");
    for (const [file, value] of unified
      ? [["cpu.max", "50000 100000"] as const]
      : [["cpu.cfs_period_us", "100000"] as const, ["cpu.cfs_quota_us", "50000"] as const])
      writeFileSync(`${parent}/${file}`, value);
    const resources: OciResources = { cpu: { quota: 500_000, period: 1_000_000 } };
    const made = await bundle.create(sleeper({ cgroupsPath: `/${bundle.id}.d/box`, resources }));
    expect({ code: made.code, said: made.stderr }).toEqual({ code: 0, said: "" });
    for (const [period, quota] of [
      [10_000, 3_000],
      [1_000_000, 400_000],
      [50_000, 25_000],
    ] as const) {
      const words = ["--cpu-period", String(period), "--cpu-quota", String(quota)];
      const told = await bundle.call("update", ...words, bundle.id);
      expect({ period, quota, code: told.code, said: told.stderr }).toEqual({
        period,
        quota,
        code: 0,
        said: "",
      });
      const file = (name: string): string => readFileSync(`${parent}/box/${name}`, "utf8").trim();
      const now = unified ? file("cpu.max") : `${file("cpu.cfs_quota_us")} ${file("cpu.cfs_period_us")}`;
      expect(now).toBe(`${quota} ${period}`);
    }
    expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    removeGroups(`${bundle.id}.d`);
  },
  { except: { crun: "1.8 writes the period first, whatever the group above allows" } },
);

eachRuntime(
  "update: a part of a limit leaves the other part, and a limit below what is in use can be refused",
  async (bundle) => {
    const resources = { cpu: { quota: 50_000, period: 100_000 }, memory: { limit: 64 * mega } };
    await expectFiles(bundle, resources, {});
    await bundle.start();
    expect((await bundle.call("update", "--cpu-period", "50000", bundle.id)).code).toBe(0);
    const second = { "cpu.max": "50000 50000" };
    const first = { "cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "50000" };
    expect(read(bundle, unified ? second : first)).toEqual(unified ? second : first);
    const swap = JSON.stringify({ memory: { swap: 80 * mega } });
    if (unified) {
      expect((await bundle.callWith({ stdin: swap }, "update", "--resources", "-", bundle.id)).code).toBe(0);
      expect(read(bundle, { "memory.swap.max": "" })).toEqual({ "memory.swap.max": String(16 * mega) });
    }
    const hold = [
      "exec",
      "--detach",
      bundle.id,
      "/bin/busybox",
      "sh",
      "-c",
      "head -c 20000000 /dev/zero | tail -c 20000000 | sleep 1000",
    ];
    expect((await bundle.detached(...hold)).code).toBe(0);
    const used = unified
      ? `${top}/${bundle.id}/memory.current`
      : `${top}/memory/${bundle.id}/memory.usage_in_bytes`;
    await until("memory is in use", () => Number(readFileSync(used, "utf8")) > 12 * mega);
    const checked = JSON.stringify({ memory: { limit: 2 * mega, checkBeforeUpdate: true } });
    expect((await bundle.callWith({ stdin: checked }, "update", "--resources", "-", bundle.id)).code).toBe(1);
    expect(await bundle.status()).toBe("running");
  },
  unified
    ? { except: { crun: "1.8 forgets the quota", runc: "so does 1.1" } }
    : {
        except: {
          crun: "1.8 asks for a quota beside a period",
          runc: "1.1 lets the kernel take it from the caches",
        },
      },
);

const refused: readonly (readonly [name: string, resources: OciResources, wanted: boolean, told: string])[] =
  [
    ["unified on version 1", { unified: { "memory.high": "1000000" } }, !unified, "unified"],
    ["a controller that there is not", { unified: { "nothing.max": "5" } }, unified, "nothing"],
    [
      "network classes where there are none",
      { network: { classID: 5 } },
      unified || !hasNetworkClasses(),
      "network",
    ],
    [
      "an unkillable group on version 2",
      { memory: { limit: 64 * mega, disableOOMKiller: true } },
      unified,
      "disableOOMKiller",
    ],
    ["memory and swap below memory", { memory: { limit: 64 * mega, swap: 32 * mega } }, true, "mem"],
    ["swap without memory on version 2", { memory: { swap: 32 * mega } }, unified, "swap"],
    ["a page size that there is not", { hugepageLimits: [{ pageSize: "3MB", limit: 0 }] }, hasHugetlb, "3MB"],
    ["an RDMA device that there is not", { rdma: { none0: { hcaHandles: 3 } } }, true, "rdma"],
    ["processors that there are not", { cpu: { cpus: "4000" } }, true, "cpu"],
  ];

function hasNetworkClasses(): boolean {
  return existsSync(`${top}/net_cls`) || existsSync(`${top}/net_cls,net_prio`);
}

for (const [name, resources, wanted, told] of refused) {
  eachRuntime(
    `refused: ${name}`,
    async (bundle) => {
      const outcome = await bundle.create(sleeper({ cgroupsPath: `/${bundle.id}`, resources }));
      expect({ code: outcome.code, told: outcome.stderr.includes(told) }).toEqual({ code: 1, told: true });
      expect(groupsNamed(bundle.id)).toEqual([]);
      expect(unified && existsSync(`${top}/${bundle.id}`)).toBe(false);
    },
    {
      impossible: wanted ? undefined : "not on this machine",
      except: {
        crun: "1.8 leaves several of these out, or its group behind",
        runc: "1.1 leaves several of these out, or its group behind",
      },
    },
  );
}

eachRuntime(
  "network class and priorities on version 1",
  async (bundle) => {
    const network = { classID: 0x10001, priorities: [{ name: "lo", priority: 3 }] };
    await bundle.create(sleeper({ cgroupsPath: `/${bundle.id}`, resources: { network } }));
    const path = `${top}/net_cls,net_prio/${bundle.id}`;
    expect(readFileSync(`${path}/net_cls.classid`, "utf8").trim()).toBe(String(0x10001));
    expect(readFileSync(`${path}/net_prio.ifpriomap`, "utf8")).toContain("lo 3\n");
  },
  { impossible: existsSync(`${top}/net_cls,net_prio`) ? undefined : "net_cls and net_prio are not mounted" },
);

eachRuntime(
  "below a group with processes of its own there are no limits, and the error says why",
  async (bundle) => {
    const place = `${top}/${bundle.id}`;
    mkdirSync(place);
    const holder = Bun.spawn(["sleep", "1000"]);
    writeFileSync(`${place}/cgroup.procs`, String(holder.pid));
    try {
      const linux = { cgroupsPath: `/${bundle.id}/inner`, resources: { memory: { limit: 64 * mega } } };
      const outcome = await bundle.create(sleeper(linux));
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain("controller memory is off");
      expect(existsSync(`${place}/inner`)).toBe(false);
    } finally {
      holder.kill(9);
      await holder.exited;
      await until("the group can go", () => {
        rmdirSync(place);
        return true;
      });
    }
  },
  {
    impossible: unified ? undefined : "the machine has version 1",
    except: { crun: "other words", runc: "other words" },
  },
);

test.skipIf(!unified)("the machine of these cases has every controller", () => {
  const controllers = readFileSync(`${top}/cgroup.controllers`, "utf8").trim().split(" ");
  expect(controllers).toEqual(
    expect.arrayContaining(["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"]),
  );
  expect(statSync(`${top}/cgroup.subtree_control`).isFile()).toBe(true);
});

const systemdHierarchy = "/sys/fs/cgroup/systemd";

// An init system takes the group that it finds itself in for its own (podman --systemd=always, -v /sys/fs/cgroup:...).
eachRuntime(
  "who is shown systemd's hierarchy has a group of its own in it, which ends with the container",
  async (bundle) => {
    const spec = specOf(["/bin/sleep", "1000"]);
    const group = `/${bundle.id}`;
    const mounts = [
      { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
      { destination: systemdHierarchy, type: "bind", source: systemdHierarchy, options: ["bind"] },
    ];
    await bundle.create({
      ...spec,
      mounts: [...(spec.mounts ?? []), ...mounts],
      linux: { ...spec.linux, cgroupsPath: group },
    });
    const { pid } = await bundle.state();
    expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(`:name=systemd:${group}\n`);
    // It makes groups below its own.
    mkdirSync(`${systemdHierarchy}${group}/init.scope`);
    expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    expect(existsSync(`${systemdHierarchy}${group}`)).toBeFalse();
  },
  { impossible: existsSync(systemdHierarchy) ? undefined : "no hierarchy of systemd is mounted" },
);

// The Java machine takes the whole machine's memory for its own where one of these is not mounted.
eachRuntime(
  "a read-only view of version 1 has what programs look for their limits in",
  async (bundle) => {
    const script =
      "cd /sys/fs/cgroup; ls -d memory cpu cpuacct cpuset; cat cpuset/cpuset.cpus; echo 0 > cpuset/cpuset.sched_load_balance";
    const spec = specOf(["/bin/sh", "-c", script]);
    const mount = { destination: top, type: "cgroup", source: "cgroup", options: ["ro", "nosuid"] };
    const { stdout, stderr } = await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), mount] });
    const processors = readFileSync(`${top}/cpuset/cpuset.cpus`, "utf8");
    expect(stdout).toBe(`cpu\ncpuacct\ncpuset\nmemory\n${processors}`);
    expect(stderr).toContain("Read-only file system");
  },
  { impossible: existsSync(`${top}/cpuset`) ? undefined : "no hierarchy of version 1 has processors" },
);

eachRuntime(
  "what is mounted over a group of a shared hierarchy stays in the container",
  async (bundle) => {
    const spec = specOf(["/bin/true"]);
    const mounts = [
      { destination: top, type: "cgroup", source: "cgroup", options: ["ro"] },
      { destination: `${top}/memory`, type: "bind", source: `${top}/memory`, options: ["bind"] },
    ];
    bundle.configure({ ...spec, mounts: [...(spec.mounts ?? []), ...mounts] });
    const words = [bundle.runtime, "--root", bundle.root, "run", bundle.id];
    const script = 'mount --make-rshared /; "$@" >&2; cat /proc/self/mountinfo';
    const child = Bun.spawn(["unshare", "--mount", "sh", "-c", script, "sh", ...words], {
      cwd: bundle.path,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [seen, told] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
    expect({ told, leaked: seen.includes(bundle.id) }).toEqual({ told: "", leaked: false });
  },
  { impossible: unified ? "the machine has version 2 alone" : undefined },
);
