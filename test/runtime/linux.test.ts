/** `linux`, `mounts` and `root` of the configuration, as the program sees them. */
import { expect } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciMount, RuntimeSpec } from "../../src/oci/mod.ts";
import { until } from "../support/until.ts";
import { groupsNamed, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

function withLinux(spec: RuntimeSpec, more: Partial<LinuxSpec>): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, ...more } };
}

function withMounts(spec: RuntimeSpec, ...more: readonly OciMount[]): RuntimeSpec {
  return { ...spec, mounts: [...(spec.mounts ?? []), ...more] };
}

const group = "/sys/fs/cgroup";

eachRuntime("namespaces of its own: PID 1, the configured names, no links but lo", async (bundle) => {
  const { stdout } = await bundle.run({ ...shell("echo $$; hostname; ls /sys/class/net") });
  expect(stdout).toBe("1\nbox\nlo\n");
});

eachRuntime("default devices and links", async (bundle) => {
  const script =
    "for f in null zero full random urandom tty ptmx; do [ -c /dev/$f ] || echo missing $f; done; " +
    "for f in fd stdin stdout stderr ptmx; do [ -L /dev/$f ] || echo no link $f; done; " +
    "for f in null zero full random urandom tty; do [ -w /dev/$f ] || echo not writable $f; done; echo done";
  const process = { user: { uid: 1000, gid: 1000 } };
  expect((await bundle.run(shell(script, process))).stdout).toBe("done\n");
});

eachRuntime("devices of the configuration, with mode and owner", async (bundle) => {
  const devices = [
    { type: "c", path: "/dev/mine", major: 1, minor: 5, fileMode: 0o640, uid: 7, gid: 8 },
  ] as const;
  const { stdout } = await bundle.run(withLinux(specOf(["/bin/ls", "-ln", "/dev/mine"]), { devices }));
  expect(stdout).toMatch(/^crw-r----- +1 7 +8 +1, +5 /);
});

eachRuntime("a device node that the root has from an earlier start is used", async (bundle) => {
  const devices = [{ type: "c", path: "/nodes/mine", major: 1, minor: 5 }] as const;
  const spec = withLinux(specOf(["/bin/ls", "-ln", "/nodes/mine"]), { devices });
  for (let turn = 0; turn < 2; turn += 1) {
    const told = await bundle.run(spec);
    expect({ code: told.code, stderr: told.stderr }).toEqual({ code: 0, stderr: "" });
    expect(told.stdout).toMatch(/^c.* 1, +5 /);
  }
});

eachRuntime("device rules: what is denied cannot be opened, default devices always can", async (bundle) => {
  const devices = [{ type: "b", path: "/dev/disk", major: 7, minor: 0, fileMode: 0o666 }] as const;
  const resources = { devices: [{ allow: false, access: "rwm" }] };
  const script = "head -c 1 /dev/zero | wc -c; head -c 1 /dev/disk 2>&1 | grep -c 'not permitted'";
  const { stdout } = await bundle.run(withLinux(shell(script), { devices, resources }));
  expect(stdout).toBe("1\n1\n");
});

eachRuntime("masked and read-only paths, read-only root", async (bundle) => {
  const script = [
    "cat /proc/version | wc -c",
    "ls /sys/kernel | wc -l",
    "(echo x > /proc/sys/kernel/domainname) 2>/dev/null && echo written",
    "(: > /x) 2>/dev/null && echo written",
    "echo end",
  ].join("; ");
  const spec = withLinux(shell(script), {
    maskedPaths: ["/proc/version", "/sys/kernel", "/proc/none"],
    readonlyPaths: ["/proc/sys", "/none"],
  });
  const { stdout } = await bundle.run({ ...spec, root: { path: "rootfs", readonly: true } });
  expect(stdout).toBe("0\n0\nend\n");
});

eachRuntime("mounts: binds of directories and files, options, order", async (bundle) => {
  mkdirSync(join(bundle.path, "data"));
  writeFileSync(join(bundle.path, "data", "file"), "content");
  const spec = withMounts(
    shell(
      "cat /data/file /one; (: > /data/x) 2>/dev/null || echo read-only; grep ' /data ' /proc/self/mountinfo; grep ' /tmp ' /proc/self/mountinfo",
    ),
    {
      destination: "/data",
      type: "bind",
      source: join(bundle.path, "data"),
      options: ["rbind", "ro", "nosuid", "noexec"],
    },
    { destination: "/one", type: "bind", source: "data/file", options: ["bind"] },
    { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=64k", "mode=1700", "nodev"] },
  );
  const { stdout } = await bundle.run(spec);
  expect(stdout).toStartWith("contentcontentread-only\n");
  expect(stdout).toMatch(/ \/data ro,nosuid,noexec/);
  expect(stdout).toMatch(/ \/tmp rw,nodev.* - tmpfs tmpfs rw,size=64k,mode=1700/);
});

eachRuntime(
  "tmpcopyup fills the new tmpfs with what the image has there",
  async (bundle) => {
    const place = join(bundle.rootfs, "full");
    mkdirSync(join(place, "deep"), { recursive: true, mode: 0o755 });
    writeFileSync(join(place, "deep", "file"), "content", { mode: 0o604 });
    symlinkSync("deep/file", join(place, "link"));
    symlinkSync("/etc/shadow", join(place, "away"));
    chmodSync(place, 0o750);
    chownSync(join(place, "deep", "file"), 7, 8);
    const script =
      "cat /full/link; stat -c '%a %u %g %n' /full /full/deep/file; readlink /full/away; : > /full/new";
    const mount = { destination: "/full", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] };
    const { stdout, stderr } = await bundle.run(withMounts(shell(script), mount));
    expect(stderr).toBe("");
    expect(stdout).toContain("content");
    expect(stdout).toContain("604 7 8 /full/deep/file\n/etc/shadow\n");
    expect(stdout).toContain("750 0 0 /full\n");
    expect(existsSync(join(place, "new"))).toBe(false);
  },
  {
    except: { crun: "1.8 gives the directory the mode of a new tmpfs" },
  },
);

eachRuntime("sysctls of the container's own namespaces; those of the host are refused", async (bundle) => {
  const own = { "net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1" };
  const script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced";
  expect((await bundle.run(withLinux(shell(script), { sysctl: own }))).stdout).toBe("1\n1\n");
  const before = readFileSync("/proc/sys/vm/swappiness", "utf8");
  const told = await bundle.run(withLinux(specOf(["/bin/true"]), { sysctl: { "vm.swappiness": "1" } }));
  expect(told.code).not.toBe(0);
  expect(readFileSync("/proc/sys/vm/swappiness", "utf8")).toBe(before);
});

eachRuntime("a joined namespace is the other container's", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  const { pid } = await bundle.state();
  const types = ["pid", "mount", "ipc", "network"] as const;
  const namespaces = [
    ...types.map((type) => ({ type })),
    { type: "uts" as const, path: `/proc/${pid}/ns/uts` },
  ];
  const { hostname: _own, ...rest } = withLinux(specOf(["/bin/busybox", "hostname"]), { namespaces });
  bundle.configure(rest);
  const other = `${bundle.id}-2`;
  const { stdout } = await bundle.call("run", other);
  expect(stdout).toBe("box\n");
});

eachRuntime("user namespace: ids are mapped", async (bundle) => {
  const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const spec = shell("id -u; cat /proc/self/uid_map");
  const namespaces = [...(spec.linux?.namespaces ?? []), { type: "user" as const }];
  const { stdout } = await bundle.run(
    withLinux(spec, { namespaces, uidMappings: mapping, gidMappings: mapping }),
  );
  expect(stdout.replaceAll(/ +/g, " ")).toBe("0\n 0 100000 65536\n");
});

eachRuntime("cgroups: absolute path, limits, update", async (bundle) => {
  const resources = { memory: { limit: 64 * 1024 * 1024 }, pids: { limit: 20 } };
  await bundle.create(withLinux(specOf(["/bin/sleep", "1000"]), { cgroupsPath: `/${bundle.id}`, resources }));
  const file = existsSync(`${group}/memory`)
    ? `${group}/memory/${bundle.id}/memory.limit_in_bytes`
    : `${group}/${bundle.id}/memory.max`;
  const limit = (): string => readFileSync(file, "utf8").trim();
  expect(limit()).toBe(String(64 * 1024 * 1024));
  await bundle.start();
  expect((await bundle.call("update", "--memory", "33554432", bundle.id)).code).toBe(0);
  expect(limit()).toBe("33554432");
  const document = JSON.stringify({ memory: { limit: 50_331_648 } });
  const told = await bundle.callWith({ stdin: document }, "update", "--resources", "-", bundle.id);
  expect({ code: told.code, limit: limit() }).toEqual({ code: 0, limit: "50331648" });
  await bundle.call("delete", "--force", bundle.id);
  expect(groupsNamed(bundle.id)).toEqual([]);
});

eachRuntime("ps lists the processes by the host's numbers", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  const { pid } = await bundle.state();
  expect(JSON.parse((await bundle.call("ps", "--format", "json", bundle.id)).stdout)).toEqual([pid]);
});

eachRuntime("kill --all reaches every process of a container without a pid namespace", async (bundle) => {
  const namespaces = [{ type: "mount" as const }, { type: "uts" as const }];
  const spec = withLinux(shell("sleep 1000 & sleep 1000"), { namespaces, cgroupsPath: `/${bundle.id}` });
  await bundle.create(spec);
  await bundle.start();
  const pids = async (): Promise<unknown> =>
    JSON.parse((await bundle.call("ps", "--format", "json", bundle.id)).stdout || "[]") ?? [];
  await until("both programs", async () => ((await pids()) as unknown[]).length === 2);
  expect((await bundle.call("kill", "--all", bundle.id, "KILL")).code).toBe(0);
  await until("their end", async () => ((await pids()) as unknown[]).length === 0);
});

eachRuntime("seccomp: the filter acts in the program and in an exec", async (bundle) => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
  } as const;
  const script = "mkdir /tmp/x 2>&1 | grep -c 'not permitted'";
  await bundle.create(withLinux(specOf(["/bin/sleep", "1000"]), { seccomp }));
  await bundle.start();
  expect((await bundle.call("exec", bundle.id, "/bin/sh", "-c", script)).stdout).toBe("1\n");
  await bundle.call("delete", "--force", bundle.id);
  expect((await bundle.run(withLinux(shell(script), { seccomp }))).stdout).toBe("1\n");
});

eachRuntime(
  "scheduler, I/O priority and processors",
  async (bundle) => {
    const spec = specOf(["/bin/busybox", "sh", "-c", "cut -d' ' -f18,19,41 /proc/self/stat; ionice -p $$"], {
      scheduler: { policy: "SCHED_BATCH", nice: 5 },
      ioPriority: { class: "IOPRIO_CLASS_BE", priority: 6 },
    });
    const { stdout } = await bundle.run(spec);
    // Policy 3 is SCHED_BATCH.
    expect(stdout).toMatch(/^25 5 3\n/);
    expect(stdout).toContain("prio 6");
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    await bundle.start();
    const path = join(bundle.directory, "process.json");
    const process = { ...specOf(["/bin/busybox", "grep", "Cpus_allowed_list", "/proc/self/status"]).process };
    writeFileSync(path, JSON.stringify({ ...process, execCPUAffinity: { initial: "0", final: "0" } }));
    const told = await bundle.call("exec", "--process", path, bundle.id);
    expect(told.stdout).toBe("Cpus_allowed_list:\t0\n");
  },
  { except: { crun: "1.8 is older than these fields", runc: "1.1 is older than these fields" } },
);

eachRuntime(
  "personality is the program's",
  async (bundle) => {
    const spec = withLinux(specOf(["/bin/busybox", "uname", "-m"]), { personality: { domain: "LINUX32" } });
    expect((await bundle.run(spec)).stdout).toMatch(/^(i686|armv8l)\n$/);
  },
  { except: { runc: "1.1 is older than this field" } },
);

eachRuntime(
  "personality is that of a program of exec too",
  async (bundle) => {
    bundle.configure(withLinux(specOf(["/bin/sleep", "1000"]), { personality: { domain: "LINUX32" } }));
    expect((await bundle.detached("run", "--detach", bundle.id)).code).toBe(0);
    const told = await bundle.call("exec", bundle.id, "/bin/busybox", "uname", "-m");
    expect(told.stdout).toMatch(/^(i686|armv8l)\n$/);
  },
  { except: { runc: "1.1 is older than this field" } },
);

eachRuntime("unknown properties are ignored", async (bundle) => {
  const spec = { ...specOf(["/bin/true"]), future: { any: 1 }, linux: { ...specOf([]).linux, future: [1] } };
  bundle.configure(spec);
  expect((await bundle.call("run", bundle.id)).code).toBe(0);
});
