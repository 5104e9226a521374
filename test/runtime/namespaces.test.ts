/** `linux.namespaces` with and without paths, what is inherited, mappings, clocks, names, sysctls, cgroup views. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciMount, OciNamespace, OciNamespaceType, RuntimeSpec } from "../../src/oci/mod.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { parseMountLines } from "./mount-lines.ts";
import { eachRuntime } from "./runtimes.ts";

const always: readonly OciNamespaceType[] = ["pid", "mount", "uts", "ipc", "network"];

function withLinux(spec: RuntimeSpec, more: Partial<LinuxSpec>): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, ...more } };
}

function namespacesOf(types: readonly OciNamespaceType[], ...more: readonly OciNamespace[]): OciNamespace[] {
  return [...types.map((type) => ({ type })), ...more];
}

const files: Readonly<Record<string, string>> = {
  pid: "pid",
  mount: "mnt",
  uts: "uts",
  ipc: "ipc",
  network: "net",
  cgroup: "cgroup",
  user: "user",
  time: "time",
};

/** Namespaces of the container's program, by kind. */
async function seen(bundle: Bundle, linux: Partial<LinuxSpec>): Promise<Readonly<Record<string, string>>> {
  const kinds = Object.entries(files);
  const script = kinds.map(([, file]) => `readlink /proc/self/ns/${file}`).join("; ");
  const { hostname: _own, ...spec } = shell(script);
  const { stdout, stderr } = await bundle.run(withLinux(spec, linux));
  if (stderr !== "") throw new Error(stderr);
  const links = stdout.trim().split("\n");
  return Object.fromEntries(kinds.map(([kind], index) => [kind, links[index] ?? ""]));
}

const ownLink = (kind: string): string => readlinkSync(`/proc/self/ns/${files[kind] ?? ""}`);

eachRuntime("a namespace that is listed is new, one that is not is the runtime's", async (bundle) => {
  const most = await seen(bundle, { namespaces: namespacesOf([...always, "cgroup"]) });
  for (const kind of [...always, "cgroup"])
    expect({ kind, link: most[kind] }).not.toEqual({ kind, link: ownLink(kind) });
  expect(most["user"]).toBe(ownLink("user"));
  const least = await seen(bundle, { namespaces: namespacesOf(["mount", "pid"]) });
  for (const kind of ["uts", "ipc", "network", "cgroup", "user"]) {
    expect({ kind, link: least[kind] }).toEqual({ kind, link: ownLink(kind) });
  }
});

eachRuntime("every kind but mount is joined by its path", async (bundle) => {
  await bundle.create(
    withLinux(specOf(["/bin/sleep", "1000"]), { namespaces: namespacesOf([...always, "cgroup"]) }),
  );
  const { pid } = await bundle.state();
  const kinds = ["pid", "uts", "ipc", "network", "cgroup"] as const;
  const joined = kinds.map((type) => ({ type, path: `/proc/${pid}/ns/${files[type]}` }));
  const { hostname: _own, ...spec } = shell(
    kinds.map((kind) => `readlink /proc/self/ns/${files[kind]}`).join("; "),
  );
  bundle.configure(withLinux(spec, { namespaces: [{ type: "mount" }, ...joined] }));
  const { stdout } = await bundle.call("run", `${bundle.id}-2`);
  expect(stdout.trim().split("\n")).toEqual(
    kinds.map((kind) => readlinkSync(`/proc/${pid}/ns/${files[kind]}`)),
  );
});

eachRuntime("a path of another kind, of no namespace, or a relative one is an error", async (bundle) => {
  writeFileSync(join(bundle.directory, "file"), "");
  for (const path of ["/proc/self/ns/uts", join(bundle.directory, "file"), "/nowhere/at/all"]) {
    const namespaces = namespacesOf(["mount", "pid", "uts", "ipc"], { type: "network", path });
    const { code } = await bundle.run(withLinux(specOf(["/bin/true"]), { namespaces }));
    expect({ path, refused: code !== 0 }).toEqual({ path, refused: true });
  }
});

eachRuntime("mappings: several ranges, files of the image keep their owners", async (bundle) => {
  const mapping = [
    { containerID: 0, hostID: 100_000, size: 10 },
    { containerID: 10, hostID: 200_000, size: 10 },
  ];
  mkdirSync(join(bundle.rootfs, "kept"));
  const spec = shell("tr -s ' ' < /proc/self/uid_map; tr -s ' ' < /proc/self/gid_map; id -u; id -g", {
    user: { uid: 12, gid: 3 },
  });
  const namespaces = namespacesOf([...always, "user"]);
  const { stdout } = await bundle.run(
    withLinux(spec, { namespaces, uidMappings: mapping, gidMappings: mapping }),
  );
  expect(stdout).toBe(" 0 100000 10\n 10 200000 10\n 0 100000 10\n 10 200000 10\n12\n3\n");
  expect(Bun.spawnSync(["stat", "-c", "%u:%g", join(bundle.rootfs, "kept")]).stdout.toString()).toBe("0:0\n");
});

const tooOld = { except: { crun: "1.8 is older than this", runc: "1.1 is older than this" } } as const;

eachRuntime(
  "the clocks of a new time namespace are off by what is asked for",
  async (bundle) => {
    const namespaces = namespacesOf([...always, "time"]);
    const timeOffsets = { monotonic: { secs: 86_400 }, boottime: { secs: 7_200_000, nanosecs: 500_000_000 } };
    const { stdout } = await bundle.run(
      withLinux(specOf(["/bin/cat", "/proc/uptime", "/proc/self/timens_offsets"]), {
        namespaces,
        timeOffsets,
      }),
    );
    expect(Number(stdout.split(" ")[0])).toBeGreaterThan(7_200_000);
    expect(stdout).toMatch(/monotonic +86400 +0\n/);
    expect(stdout).toMatch(/boottime +7200000 +500000000\n/);
    for (const linux of [{ timeOffsets }, { namespaces, timeOffsets: { realtime: { secs: 1 } } }]) {
      const { code } = await bundle.run(withLinux(specOf(["/bin/true"]), linux as Partial<LinuxSpec>));
      expect(code).not.toBe(0);
    }
  },
  tooOld,
);

eachRuntime(
  "domainname is the container's",
  async (bundle) => {
    const spec = { ...shell("cat /proc/sys/kernel/domainname"), domainname: "inside.example" };
    expect((await bundle.run(spec)).stdout).toBe("inside.example\n");
  },
  { except: { runc: "1.1 is older than this field" } },
);

eachRuntime(
  "sysctls: of the network, of ipc, with dots and slashes; of the host or of no name are errors",
  async (bundle) => {
    const sysctl = {
      "net.ipv4.ip_forward": "1",
      "net/ipv4/conf/lo/forwarding": "0",
      "kernel.msgmax": "16384",
      "fs.mqueue.msg_max": "20",
    };
    const script =
      "cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/conf/lo/forwarding kernel/msgmax fs/mqueue/msg_max";
    expect((await bundle.run(withLinux(shell(script), { sysctl }))).stdout).toBe("1\n0\n16384\n20\n");
    const before = readFileSync("/proc/sys/vm/swappiness", "utf8");
    for (const bad of ["vm.swappiness", "kernel.pid_max", "net.ipv4.no_such_thing"]) {
      const { code } = await bundle.run(withLinux(specOf(["/bin/true"]), { sysctl: { [bad]: "1" } }));
      expect({ bad, refused: code !== 0 }).toEqual({ bad, refused: true });
    }
    expect(readFileSync("/proc/sys/vm/swappiness", "utf8")).toBe(before);
  },
);

eachRuntime("a sysctl of a namespace that is the host's is an error", async (bundle) => {
  const namespaces = namespacesOf(["mount", "pid"]);
  const { hostname: _own, ...spec } = specOf(["/bin/true"]);
  for (const sysctl of [{ "net.ipv4.ip_default_ttl": "63" }, { "kernel.msgmax": "8192" }]) {
    const { code } = await bundle.run(withLinux(spec, { namespaces, sysctl }));
    expect({ sysctl, refused: code !== 0 }).toEqual({ sysctl, refused: true });
  }
});

const cgroupMount: OciMount = {
  destination: "/sys/fs/cgroup",
  type: "cgroup",
  source: "cgroup",
  options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
};

eachRuntime(
  "a mount of type cgroup shows the container's own groups, read-only when asked for, with and without a namespace",
  async (bundle) => {
    const isUnified = existsSync("/sys/fs/cgroup/cgroup.controllers");
    // Mounted like this (systemd does), the top of a namespace keeps its limits, says cgroups(7).
    const isDelegated = /cgroup2 .*nsdelegate/.test(readFileSync("/proc/mounts", "utf8"));
    // Without a namespace some show the whole hierarchy, and the container's group in it.
    const file = isUnified ? "$f" : "/sys/fs/cgroup/pids/pids.max";
    const find = `f=/sys/fs/cgroup/pids.max; [ -e $f ] || f=/sys/fs/cgroup/${bundle.id}/pids.max`;
    for (const types of [always, [...always, "cgroup"] as const]) {
      for (const options of [cgroupMount.options ?? [], ["nosuid", "rw"]]) {
        const script = `${find}; cat ${file}; (echo 5 > ${file}) 2>/dev/null && cat ${file}; true`;
        const spec = withLinux(shell(script), {
          namespaces: namespacesOf(types),
          resources: { pids: { limit: 41 } },
          cgroupsPath: `/${bundle.id}`,
        });
        const mounts = [...(spec.mounts ?? []), { ...cgroupMount, options }];
        const { stdout, stderr } = await bundle.run({ ...spec, mounts });
        const isKept = options.includes("ro") || (isDelegated && types !== always);
        const wanted = isKept ? "41\n" : "41\n5\n";
        expect({ types, options, stdout, stderr }).toEqual({ types, options, stdout: wanted, stderr: "" });
      }
    }
  },
);

eachRuntime("the groups of a container are not given to its user under cgroup v1", async (bundle) => {
  if (existsSync("/sys/fs/cgroup/cgroup.controllers")) return;
  const spec = withLinux(specOf(["/bin/sleep", "1000"], { user: { uid: 1000, gid: 1000 } }), {
    namespaces: namespacesOf([...always, "cgroup"]),
    cgroupsPath: `/${bundle.id}`,
  });
  await bundle.create({ ...spec, mounts: [...(spec.mounts ?? []), { ...cgroupMount, options: ["rw"] }] });
  const place = join("/sys/fs/cgroup/pids", bundle.id);
  const owners = Bun.spawnSync([
    "stat",
    "-c",
    "%u",
    place,
    ...readdirSync(place).map((name) => join(place, name)),
  ]);
  expect(new Set(owners.stdout.toString().trim().split("\n"))).toEqual(new Set(["0"]));
});

eachRuntime(
  "idmap: owners through the mount's own mapping, or the container's; without any it is an error",
  async (bundle) => {
    const data = join(bundle.path, "data");
    mkdirSync(data);
    writeFileSync(join(data, "file"), "");
    Bun.spawnSync(["chown", "7:8", join(data, "file")]);
    const bind = { destination: "/data", type: "none", source: data };
    const mappings = {
      uidMappings: [{ containerID: 0, hostID: 1000, size: 100 }],
      gidMappings: [{ containerID: 0, hostID: 2000, size: 100 }],
    };
    const spec = shell("stat -c %u:%g /data/file; grep -c idmapped /proc/self/mountinfo");
    const run = async (mount: OciMount, linux: Partial<LinuxSpec> = {}): Promise<string> => {
      const { code, stdout } = await bundle.run(
        withLinux({ ...spec, mounts: [...(spec.mounts ?? []), mount] }, linux),
      );
      return code === 0 ? stdout : "refused";
    };
    for (const word of ["idmap", "ridmap"]) {
      expect(await run({ ...bind, ...mappings, options: ["rbind", word] })).toBe("1007:2008\n1\n");
      expect(await run({ ...bind, options: ["rbind", word] })).toBe("refused");
    }
    expect(await run({ ...bind, uidMappings: mappings.uidMappings, options: ["bind", "idmap"] })).toBe(
      "refused",
    );
    const own = [{ containerID: 0, hostID: 300_000, size: 1000 }];
    const container = { namespaces: namespacesOf([...always, "user"]), uidMappings: own, gidMappings: own };
    expect(await run({ ...bind, options: ["bind", "idmap"] }, container)).toBe("7:8\n1\n");
  },
  tooOld,
);

eachRuntime("an id that the mapping does not cover is an error", async (bundle) => {
  const own = [{ containerID: 0, hostID: 300_000, size: 10 }];
  const linux = { namespaces: namespacesOf([...always, "user"]), uidMappings: own, gidMappings: own };
  const { code } = await bundle.run(withLinux(shell("true", { user: { uid: 10, gid: 0 } }), linux));
  expect(code).not.toBe(0);
});

eachRuntime("a label of mounts on a host without SELinux", async (bundle) => {
  if (existsSync("/sys/fs/selinux/enforce")) return;
  const mountLabel = "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811";
  const told = await bundle.run(withLinux(specOf(["/bin/cat", "/proc/self/mountinfo"]), { mountLabel }));
  // Refused, or without effect: never half applied.
  if (bundle.runtime.includes("tiffin")) expect(told.stderr).toContain("SELinux is not enabled");
  if (told.code === 0)
    expect(parseMountLines(told.stdout).get("/dev")?.superblock.join()).not.toContain("context");
});

// The specification says nothing about it; every runtime does it, and engines count on it where they wire nothing.
eachRuntime("a new network namespace has its loopback up", async (bundle) => {
  const spec = shell("cat /proc/net/fib_trie /sys/class/net/lo/flags");
  const { stdout } = await bundle.run(spec);
  expect(stdout).toContain("127.0.0.1");
  expect(stdout).toEndWith("0x9\n");
});
