/**
 * The table of fields against the real kernel: each field is sent and its effect looked for inside the container, or its
 * refusal or warning at the creation. A field without a row here fails.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { EngineFixture } from "../../test/support/engine-in-process.ts";
import { valuesAt } from "../docker/field-paths.ts";
import { createFields, type Field } from "../docker/fields.ts";
import { type ContainerCreateBody, containerCreateBody } from "../docker/types/container.ts";
import type { HostConfig } from "../docker/types/host-config.ts";
import type { EndpointSettings } from "../docker/types/networking.ts";
import { TiffinError } from "../lib/errors.ts";

const fixture = new EngineFixture();
const shared = `${fixture.directory}/shared`;
beforeAll(async () => {
  mkdirSync(`${shared}/below`, { recursive: true });
  await fixture.open();
  await fixture.start(["sleep", "1000"], { HostConfig: { NetworkMode: "bridge" } }, "pantry");
  mkdirSync("/var/run/cdi", { recursive: true });
  const spoon = {
    name: "big",
    containerEdits: {
      env: ["SPOON=big"],
      deviceNodes: [{ path: "/dev/spoon", hostPath: "/dev/null" }],
      mounts: [{ hostPath: "/etc", containerPath: "/cdi", options: ["ro", "rbind"] }],
      additionalGids: [4242],
    },
  };
  const hooked = {
    name: "bent",
    containerEdits: { hooks: [{ hookName: "poststop", path: "/bin/true" }] },
  };
  writeFileSync(
    cdiFile,
    JSON.stringify({ cdiVersion: "0.6.0", kind: `${vendor}/spoon`, devices: [spoon, hooked] }),
  );
});
afterAll(async () => {
  rmSync(cdiFile, { force: true });
  await fixture[Symbol.asyncDispose]();
});

interface Sample {
  readonly body: ContainerCreateBody;
  /** A shell command inside the container and what it prints; absent where only inspect can tell, or another test looks. */
  readonly see?: readonly [command: string, output: string | RegExp];
}

const config = (body: ContainerCreateBody, command?: string, output: string | RegExp = ""): Sample =>
  command === undefined ? { body } : { body, see: [command, output] };
const host = (HostConfig: HostConfig, command?: string, output: string | RegExp = ""): Sample =>
  config({ HostConfig }, command, output);
/** A limit's file in version 1 or 2 of cgroups, as the container sees it. */
const limit = (HostConfig: HostConfig, v1: string, v2: string, output: RegExp): Sample =>
  host(HostConfig, `cd /sys/fs/cgroup; cat ${v1} 2>/dev/null || cat ${v2}`, output);

const mib = 1024 * 1024;
const bind = (options: object): HostConfig => ({
  Mounts: [{ Type: "bind", Source: shared, Target: "/mnt", ...options }],
});
/** A block device of this machine; limits by device cannot be tried without. */
const block = readdirSync("/sys/block")
  .map((name) => `/dev/${name}`)
  .find((path) => lstatSync(path, { throwIfNoEntry: false })?.isBlockDevice());
const throttled = (field: keyof HostConfig, file: string): Sample =>
  block === undefined
    ? host({})
    : limit(
        { [field]: [{ Path: block, Rate: 1_048_576 }] },
        `blkio/blkio.throttle.${file}`,
        "io.max",
        /\b1048576\b/,
      );
const weighted: HostConfig = block === undefined ? {} : { BlkioWeightDevice: [{ Path: block, Weight: 300 }] };
const device: HostConfig = {
  Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/hole", CgroupPermissions: "r" }],
};
const cellar = (VolumeOptions: object): HostConfig => ({
  Mounts: [{ Type: "volume", Source: "cellar", Target: "/mnt", VolumeOptions }],
});
const memory = { type: "tmpfs", device: "tmpfs" };
const vendor = `tiffin-fields-${process.pid}.example`;
const cdiFile = `/var/run/cdi/${vendor}.json`;
const requested: HostConfig = {
  DeviceRequests: [{ Driver: "cdi", DeviceIDs: [`${vendor}/spoon=big`] }],
};
const gpus: HostConfig = { DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]] }] };
const published: ContainerCreateBody = {
  HostConfig: {
    NetworkMode: "bridge",
    PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
  },
};
const placed: ContainerCreateBody = {
  HostConfig: { NetworkMode: "bridge" },
  NetworkingConfig: { EndpointsConfig: { bridge: { MacAddress: "02:42:0a:00:00:07" } } },
};
/** The scenario test of networks looks at the kernel. */
const inNetwork = (settings: EndpointSettings): ContainerCreateBody => ({
  HostConfig: { NetworkMode: "soup-kitchen" },
  NetworkingConfig: { EndpointsConfig: { "soup-kitchen": settings } },
});
const noFile: HostConfig = { Ulimits: [{ Name: "nofile", Soft: 99, Hard: 101 }] };
const restarting: HostConfig = { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } };

const checked: ContainerCreateBody = {
  Healthcheck: {
    Test: ["CMD", "true"],
    Interval: 2e9,
    Timeout: 3e9,
    Retries: 4,
    StartPeriod: 5e9,
    StartInterval: 6e9,
  },
};

const samples: Readonly<Record<string, Sample>> = {
  Hostname: config({ Hostname: "lunch" }, "hostname; cat /etc/hostname", "lunch\nlunch"),
  Domainname: config({ Domainname: "example.org" }, "cat /proc/sys/kernel/domainname", "example.org"),
  User: config({ User: "7:8" }, "id -u; id -g", "7\n8"),
  AttachStdin: config({ AttachStdin: true, OpenStdin: true, StdinOnce: true }),
  AttachStdout: config({ AttachStdout: true }, "echo said", "said"),
  AttachStderr: config({ AttachStderr: true }),
  ExposedPorts: config({ ExposedPorts: { "70/tcp": {} } }),
  Tty: config({ Tty: true }, "tty", /\/dev\/(pts\/0|console)/),
  OpenStdin: config({ OpenStdin: true }),
  StdinOnce: config({ StdinOnce: true }),
  Env: config({ Env: ["DISH=soup"] }, "echo $DISH", "soup"),
  Cmd: config({ Cmd: ["true"] }),
  // What comes of them is seen by the test of health.
  "Healthcheck.Test": config(checked),
  "Healthcheck.Interval": config(checked),
  "Healthcheck.Timeout": config(checked),
  "Healthcheck.Retries": config(checked),
  "Healthcheck.StartPeriod": config(checked),
  "Healthcheck.StartInterval": config(checked),
  Shell: config({ Shell: ["/bin/sh", "-ec"] }),
  Image: config({ Image: "base" }),
  Volumes: config({ Volumes: { "/data": {} } }, "grep -c ' /data ' /proc/self/mountinfo", "1"),
  WorkingDir: config({ WorkingDir: "/a/b" }, "pwd", "/a/b"),
  Entrypoint: config({ Entrypoint: ["sh", "-c", "echo entered"] }, "ignored", "entered"),
  NetworkDisabled: config({ NetworkDisabled: true }, "ls /sys/class/net", "lo"),
  MacAddress: config(
    { MacAddress: "02:42:0a:00:00:08", HostConfig: { NetworkMode: "bridge" } },
    "cat /sys/class/net/eth0/address",
    "02:42:0a:00:00:08",
  ),
  Labels: config({ Labels: { course: "first" } }),
  StopSignal: config({ StopSignal: "SIGUSR1" }),
  StopTimeout: config({ StopTimeout: 3 }),
  "HostConfig.CpuShares": limit({ CpuShares: 512 }, "cpu/cpu.shares", "cpu.weight", /^(512|20)$/),
  "HostConfig.Memory": limit(
    { Memory: 64 * mib },
    "memory/memory.limit_in_bytes",
    "memory.max",
    /^67108864$/,
  ),
  "HostConfig.NanoCpus": limit({ NanoCpus: 5e8 }, "cpu/cpu.cfs_quota_us", "cpu.max", /^50000/),
  "HostConfig.CgroupParent": host({ CgroupParent: `/tiffin-fields-${process.pid}` }),
  "HostConfig.BlkioWeight": host({ BlkioWeight: 300 }),
  "HostConfig.BlkioWeightDevice[].Path": host(weighted),
  "HostConfig.BlkioWeightDevice[].Weight": host(weighted),
  "HostConfig.CpuPeriod": limit({ CpuPeriod: 50_000 }, "cpu/cpu.cfs_period_us", "cpu.max", /50000$/),
  "HostConfig.CpuQuota": limit({ CpuQuota: 25_000 }, "cpu/cpu.cfs_quota_us", "cpu.max", /^25000/),
  "HostConfig.CpuRealtimePeriod": host({ CpuRealtimePeriod: 500_000 }),
  "HostConfig.CpuRealtimeRuntime": host({ CpuRealtimeRuntime: 1 }),
  "HostConfig.CpusetCpus": host({ CpusetCpus: "0" }, "grep Cpus_allowed_list /proc/self/status", /:\s*0$/),
  "HostConfig.CpusetMems": host({ CpusetMems: "0" }, "grep Mems_allowed_list /proc/self/status", /:\s*0$/),
  "HostConfig.Devices[].PathOnHost": host(device, "cat /dev/hole; echo $?", "0"),
  "HostConfig.Devices[].PathInContainer": host(device, "ls /dev/hole", "/dev/hole"),
  "HostConfig.Devices[].CgroupPermissions": host(device),
  "HostConfig.VolumeDriver": host({ VolumeDriver: "local" }),
  "HostConfig.VolumesFrom": host({ VolumesFrom: ["pantry:ro"] }),
  "HostConfig.Mounts[].BindOptions.IdMap": host(bind({ BindOptions: { IdMap: true } })),
  "HostConfig.Mounts[].VolumeOptions.Labels": host(cellar({ Labels: { shelf: "low" } })),
  "HostConfig.Mounts[].VolumeOptions.Subpath": host(cellar({ Subpath: "wine" })),
  "HostConfig.Mounts[].VolumeOptions.DriverConfig.Name": host(cellar({ DriverConfig: { Name: "local" } })),
  "HostConfig.Mounts[].VolumeOptions.DriverConfig.Options": host(
    { Mounts: [{ Type: "volume", Target: "/mnt", VolumeOptions: { DriverConfig: { Options: memory } } }] },
    "grep ' /mnt ' /proc/mounts",
    /^tmpfs \/mnt tmpfs/,
  ),
  "HostConfig.Mounts[].ImageOptions.Subpath": host(
    { Mounts: [{ Type: "image", Source: "base", Target: "/mnt", ImageOptions: { Subpath: "etc" } }] },
    "touch /mnt/x; ls -d /mnt/passwd",
    /Read-only/,
  ),
  "HostConfig.Mounts[].TmpfsOptions.Options[]": host(
    {
      Mounts: [{ Type: "tmpfs", Target: "/mnt", TmpfsOptions: { Options: [["exec"], ["nr_inodes", "77"]] } }],
    },
    "grep ' /mnt ' /proc/mounts",
    /nr_inodes=77/,
  ),
  "HostConfig.DeviceRequests[].Driver": host(requested, "cat /dev/spoon; echo $SPOON $?", "big 0"),
  "HostConfig.DeviceRequests[].DeviceIDs": host(
    requested,
    "grep -c ' /cdi [^ ]* ro' /proc/mounts; id -G; cat /dev/spoon2 2>&1",
    /^1\n.*\b4242\b.*\n.*can't open/s,
  ),
  "HostConfig.DeviceRequests[].Count": host(gpus),
  "HostConfig.DeviceRequests[].Capabilities[]": host(gpus),
  "HostConfig.DeviceCgroupRules": host({ DeviceCgroupRules: ["c 10:200 rwm"] }),
  "HostConfig.MemoryReservation": limit(
    { MemoryReservation: 32 * mib },
    "memory/memory.soft_limit_in_bytes",
    "memory.low",
    /^33554432$/,
  ),
  "HostConfig.MemorySwap": host({ Memory: 64 * mib, MemorySwap: 65 * mib }),
  "HostConfig.MemorySwappiness": host({ MemorySwappiness: 7 }),
  "HostConfig.OomKillDisable": host({ OomKillDisable: true, Memory: 64 * mib }),
  "HostConfig.PidsLimit": limit({ PidsLimit: 77 }, "pids/pids.max", "pids.max", /^77$/),
  "HostConfig.Ulimits[].Name": host(noFile, "ulimit -n", "99"),
  "HostConfig.Ulimits[].Soft": host(noFile, "ulimit -Sn", "99"),
  "HostConfig.Ulimits[].Hard": host(noFile, "ulimit -Hn", "101"),
  "HostConfig.Init": host({ Init: true }, "echo $(($$ > 1))", "1"),
  "HostConfig.Binds": host({ Binds: [`${shared}:/mnt`] }, "ls /mnt", "below"),
  "HostConfig.LogConfig.Type": host({ LogConfig: { Type: "none" } }),
  "HostConfig.LogConfig.Config": host({ LogConfig: { Config: { "max-size": "1m" } } }),
  "HostConfig.NetworkMode": host({ NetworkMode: "bridge" }, "ls /sys/class/net", /eth0/),
  "HostConfig.PortBindings{}[].HostIp": config(published),
  "HostConfig.PortBindings{}[].HostPort": config(published),
  "HostConfig.RestartPolicy.Name": host(restarting),
  "HostConfig.RestartPolicy.MaximumRetryCount": host(restarting),
  "HostConfig.AutoRemove": host({ AutoRemove: true }),
  "HostConfig.Mounts[].Target": host(bind({}), "ls /mnt", "below"),
  "HostConfig.Mounts[].Source": host(bind({}), "ls /mnt", "below"),
  "HostConfig.Mounts[].Type": host(
    { Mounts: [{ Type: "tmpfs", Target: "/mnt" }] },
    "stat -fc %T /mnt",
    "tmpfs",
  ),
  "HostConfig.Mounts[].ReadOnly": host(bind({ ReadOnly: true }), "touch /mnt/x 2>&1", /Read-only/),
  "HostConfig.Mounts[].BindOptions.Propagation": host(
    bind({ BindOptions: { Propagation: "rslave" } }),
    "grep ' /mnt ' /proc/self/mountinfo",
    / \/mnt /,
  ),
  "HostConfig.Mounts[].BindOptions.NonRecursive": host(
    bind({ BindOptions: { NonRecursive: true } }),
    "ls /mnt",
    "below",
  ),
  "HostConfig.Mounts[].BindOptions.CreateMountpoint": host(
    {
      Mounts: [
        { Type: "bind", Source: `${shared}/made`, Target: "/mnt", BindOptions: { CreateMountpoint: true } },
      ],
    },
    "ls -d /mnt",
    "/mnt",
  ),
  "HostConfig.Mounts[].BindOptions.ReadOnlyNonRecursive": host(
    bind({ ReadOnly: true, BindOptions: { ReadOnlyNonRecursive: true } }),
    "touch /mnt/x 2>&1",
    /Read-only/,
  ),
  "HostConfig.Mounts[].BindOptions.ReadOnlyForceRecursive": host(
    bind({ ReadOnly: true, BindOptions: { ReadOnlyForceRecursive: true, Propagation: "rprivate" } }),
    "touch /mnt/x 2>&1",
    /Read-only/,
  ),
  "HostConfig.Mounts[].VolumeOptions.NoCopy": host(
    { Mounts: [{ Type: "volume", Target: "/etc", VolumeOptions: { NoCopy: true } }] },
    "ls /etc/passwd 2>&1",
    /No such file/,
  ),
  "HostConfig.Mounts[].TmpfsOptions.SizeBytes": host(
    { Mounts: [{ Type: "tmpfs", Target: "/mnt", TmpfsOptions: { SizeBytes: mib } }] },
    "grep ' /mnt ' /proc/self/mountinfo",
    /size=1024k/,
  ),
  "HostConfig.Mounts[].TmpfsOptions.Mode": host(
    { Mounts: [{ Type: "tmpfs", Target: "/mnt", TmpfsOptions: { Mode: 0o711 } }] },
    "stat -c %a /mnt",
    "711",
  ),
  "HostConfig.ConsoleSize": config(
    { Tty: true, HostConfig: { ConsoleSize: [33, 44] } },
    "stty size",
    /33 44/,
  ),
  "HostConfig.Annotations": host({ Annotations: { "org.example.note": "x" } }),
  "HostConfig.CapAdd": host({ CapAdd: ["SYS_TIME"] }, "grep CapEff /proc/self/status", /[2367abef]......$/),
  "HostConfig.CapDrop": host({ CapDrop: ["ALL"] }, "grep CapEff /proc/self/status", /0000000000000000$/),
  "HostConfig.CgroupnsMode": host({ CgroupnsMode: "host" }, "cat /proc/self/cgroup", /tiffin/),
  "HostConfig.Dns": host({ Dns: ["192.0.2.1"] }, "cat /etc/resolv.conf", /nameserver 192\.0\.2\.1/),
  "HostConfig.DnsOptions": host({ DnsOptions: ["ndots:3"] }, "cat /etc/resolv.conf", /options ndots:3/),
  "HostConfig.DnsSearch": host({ DnsSearch: ["example.org"] }, "cat /etc/resolv.conf", /search example\.org/),
  "HostConfig.ExtraHosts": host({ ExtraHosts: ["db:192.0.2.2"] }, "cat /etc/hosts", /192\.0\.2\.2\s+db/),
  "HostConfig.GroupAdd": host({ GroupAdd: ["44"] }, "id -G", /\b44\b/),
  "HostConfig.IpcMode": host({ IpcMode: "none" }, "grep -c ' /dev/shm ' /proc/self/mountinfo", "0"),
  "HostConfig.OomScoreAdj": host({ OomScoreAdj: 321 }, "cat /proc/self/oom_score_adj", "321"),
  "HostConfig.PidMode": host({ PidMode: "host" }, "echo $(($$ > 1))", "1"),
  "HostConfig.Privileged": host({ Privileged: true }, "touch /sys/x 2>&1", /Permission denied/),
  "HostConfig.PublishAllPorts": host({ PublishAllPorts: true, NetworkMode: "bridge" }),
  "HostConfig.ReadonlyRootfs": host({ ReadonlyRootfs: true }, "touch /x 2>&1", /Read-only/),
  "HostConfig.SecurityOpt": host(
    { SecurityOpt: ["no-new-privileges"] },
    "grep NoNewPrivs /proc/self/status",
    /1$/,
  ),
  "HostConfig.Tmpfs": host({ Tmpfs: { "/mnt": "size=1m" } }, "stat -fc %T /mnt", "tmpfs"),
  "HostConfig.UTSMode": host({ UTSMode: "host" }, "hostname", /./),
  "HostConfig.UsernsMode": host({ UsernsMode: "private" }, "cat /proc/self/uid_map", / 65536$/),
  "HostConfig.StorageOpt": host({ StorageOpt: { size: "50m" } }, "df -m / | awk 'NR==2{print $2 < 80}'", "1"),
  "HostConfig.ShmSize": host({ ShmSize: 2 * mib }, "grep ' /dev/shm ' /proc/self/mountinfo", /size=2048k/),
  // The files come from the bundle that such a runtime gets.
  "HostConfig.Runtime": host({ Runtime: "runc" }, "grep -c '/etc/hosts .*size=65536k' /proc/mounts", "1"),
  "HostConfig.Sysctls": host({ Sysctls: { "kernel.shmmni": "123" } }, "cat /proc/sys/kernel/shmmni", "123"),
  "HostConfig.MaskedPaths": host({ MaskedPaths: ["/etc/passwd"] }, "wc -c < /etc/passwd", "0"),
  "HostConfig.ReadonlyPaths": host({ ReadonlyPaths: ["/etc"] }, "touch /etc/x 2>&1", /Read-only/),
  "NetworkingConfig.EndpointsConfig{}.IPAMConfig.IPv4Address": config({
    HostConfig: { NetworkMode: "bridge" },
    NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: "192.0.2.9" } } } },
  }),
  "NetworkingConfig.EndpointsConfig{}.IPAMConfig.IPv6Address": config(
    inNetwork({ IPAMConfig: { IPv6Address: "fd00::9" } }),
  ),
  "HostConfig.Links": host(
    { NetworkMode: "bridge", Links: ["pantry:larder"] },
    "grep -c larder /etc/hosts",
    "1",
  ),
  "NetworkingConfig.EndpointsConfig{}.Links": config(inNetwork({ Links: ["pantry:larder"] })),
  "NetworkingConfig.EndpointsConfig{}.Aliases": config(inNetwork({ Aliases: ["soup"] })),
  "NetworkingConfig.EndpointsConfig{}.GwPriority": config(inNetwork({ GwPriority: 7 })),
  "NetworkingConfig.EndpointsConfig{}.MacAddress": config(
    placed,
    "cat /sys/class/net/eth0/address",
    "02:42:0a:00:00:07",
  ),
};

const throttles: Readonly<Record<string, string>> = {
  BlkioDeviceReadBps: "read_bps_device",
  BlkioDeviceWriteBps: "write_bps_device",
  BlkioDeviceReadIOps: "read_iops_device",
  BlkioDeviceWriteIOps: "write_iops_device",
};

function sampleOf(path: string): Sample | undefined {
  const throttle = /^HostConfig\.(BlkioDevice\w+)\[\]/.exec(path)?.[1] ?? "";
  const file = throttles[throttle];
  return file === undefined ? samples[path] : throttled(throttle as keyof HostConfig, file);
}

/** `value` where the path says, in the smallest body that has it. */
function bodyWith(path: string, value: unknown): ContainerCreateBody {
  const built = path.split(/\.|(?=\[\])|(?=\{\})/).reduceRight<unknown>((inner, step) => {
    if (step === "[]") return [inner];
    return { [step === "{}" ? "none" : step]: inner };
  }, value);
  return built as ContainerCreateBody;
}

async function creation(
  body: ContainerCreateBody,
): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
  const { Id, Warnings } = await fixture.engine.containers.create({
    body: { Image: "base", Cmd: ["true"], ...body, HostConfig: { NetworkMode: "none", ...body.HostConfig } },
  });
  return { id: Id, warnings: Warnings };
}

async function refusal(body: ContainerCreateBody): Promise<string> {
  try {
    const { id } = await creation(body);
    await fixture.engine.containers.remove(id, { force: true, volumes: true });
  } catch (thrown) {
    if (thrown instanceof TiffinError) return `${thrown.kind}: ${thrown.message}`;
    throw thrown;
  }
  return "accepted";
}

/** Something of the type that the field wants. */
function candidatesFor(path: string): unknown[] {
  const mount = path.startsWith("HostConfig.Mounts[]");
  return mount ? ["x", { a: "b" }, ["x"]] : ["x", 7, true, ["x"], [["x"]], { a: "b" }];
}

async function check(path: string, field: Field): Promise<void> {
  switch (field.does) {
    case "done":
      await seen(path);
      return;
    case "refused":
    case "warned":
      await told(path, field);
      return;
    case "recorded":
    case "ignored":
      // Nothing to see but that a creation takes it; a wrong reason in the table would be a lie nobody can test.
      return;
  }
}

/** The image and the engine add to lists and maps. */
function withMore(value: unknown): unknown {
  if (Array.isArray(value)) return expect.arrayContaining(value);
  return typeof value === "object" && value !== null ? expect.objectContaining(value) : value;
}

async function seen(path: string): Promise<void> {
  const sample = sampleOf(path);
  if (sample === undefined) throw new Error(`${path} has no sample here`);
  const { body, see } = sample;
  const { id } = await creation(body);
  const shown = await fixture.engine.containers.inspect(id, { size: false });
  await fixture.engine.containers.remove(id, { force: true, volumes: true });
  const [part = "", inner = path] = path.startsWith("HostConfig.") ? ["", path] : ["Config.", path];
  if (!path.startsWith("NetworkingConfig.")) {
    // Docker shows a link with the container's own name in it.
    const wanted =
      path === "HostConfig.Links" ? [[expect.stringMatching(/^\/pantry:\/.+\/larder$/)]] : undefined;
    expect(valuesAt(part + inner)(shown)).toEqual(wanted ?? valuesAt(path)(body).map(withMore));
  }
  if (see === undefined) return;
  const { stdout, stderr } = await fixture.run(["sh", "-c", see[0]], body);
  if (typeof see[1] === "string") expect(stdout.trim()).toBe(see[1]);
  else expect(`${stdout}${stderr}`.trim()).toMatch(see[1]);
}

/** Whether the API would let it through to the engine. */
function isOfItsType(body: unknown): boolean {
  try {
    containerCreateBody(body, "");
    return true;
  } catch {
    return false;
  }
}

async function told(path: string, field: Extract<Field, { does: "refused" | "warned" }>): Promise<void> {
  const heard: string[] = [];
  for (const value of candidatesFor(path)) {
    const body = bodyWith(path, value);
    if (field.does === "refused") heard.push(await refusal(body));
    else if (isOfItsType(body)) {
      const { id, warnings } = await creation(body);
      await fixture.engine.containers.remove(id, { force: true, volumes: true });
      heard.push(...warnings);
      continue;
    }
    expect(heard.at(-1)).not.toBe("accepted");
  }
  const wanted = candidatesFor(path).map((value) => field.message(value));
  expect(wanted.some((message) => heard.some((each) => each.endsWith(message)))).toBe(true);
}

test.each([
  [`${vendor}/spoon=none`, `unresolvable CDI devices ${vendor}/spoon=none`],
  [`${vendor}/spoon=bent`, 'has a hook of the kind "poststop"'],
  ["../spoon=x", 'invalid CDI device name "../spoon=x"'],
])("a start with the device %s is refused", async (name, words) => {
  const body = { HostConfig: { DeviceRequests: [{ Driver: "cdi", DeviceIDs: [name] }] } };
  await expect(fixture.run(["true"], body)).rejects.toThrow(words);
});

describe("every field of a creation does what the table says", () => {
  for (const [path, field] of Object.entries(createFields)) {
    test(`${path}: ${field.does}`, () => check(path, field));
  }
});
