/** Devices of the configuration and those that every container has, file systems that are promised. */
import { expect } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OciDevice, RuntimeSpec } from "../../src/oci/mod.ts";
import { shell } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

function withDevices(spec: RuntimeSpec, devices: readonly OciDevice[]): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, devices } };
}

const describeNode = (path: string): string => `stat -c '%F %a %u %g %t:%T' ${path}`;

eachRuntime(
  "devices: character, unbuffered, block, fifo; anywhere; mode, owner and numbers",
  async (bundle) => {
    const devices: readonly OciDevice[] = [
      { type: "c", path: "/dev/c", major: 1, minor: 5, fileMode: 0o640, uid: 7, gid: 8 },
      { type: "u", path: "/dev/u", major: 1, minor: 7, fileMode: 0o600 },
      { type: "b", path: "/dev/deep/b", major: 7, minor: 300, fileMode: 0o604 },
      { type: "p", path: "/dev/p", fileMode: 0o622, uid: 3 },
      { type: "c", path: "/opt/outside", major: 1, minor: 3, fileMode: 0o666 },
    ];
    const paths = devices.map(({ path }) => path);
    const { stdout } = await bundle.run(withDevices(shell(paths.map(describeNode).join("; ")), devices));
    expect(stdout.trim().split("\n")).toEqual([
      "character special file 640 7 8 1:5",
      "character special file 600 0 0 1:7",
      "block special file 604 0 0 7:12c",
      "fifo 622 3 0 0:0",
      "character special file 666 0 0 1:3",
    ]);
  },
);

eachRuntime("a device that is there already is taken", async (bundle) => {
  mkdirSync(join(bundle.rootfs, "nodes"));
  Bun.spawnSync(["mknod", join(bundle.rootfs, "nodes", "same"), "c", "1", "5"]);
  const same: OciDevice = { type: "c", path: "/nodes/same", major: 1, minor: 5, fileMode: 0o666 };
  const told = await bundle.run(withDevices(shell("head -c 2 /nodes/same | wc -c"), [same]));
  expect(told.stdout).toBe("2\n");
});

eachRuntime(
  "a file at the path of a device that is not that device is an error",
  async (bundle) => {
    mkdirSync(join(bundle.rootfs, "nodes"));
    Bun.spawnSync(["mknod", join(bundle.rootfs, "nodes", "other"), "c", "1", "5"]);
    writeFileSync(join(bundle.rootfs, "nodes", "file"), "");
    symlinkSync("/dev/zero", join(bundle.rootfs, "nodes", "link"));
    for (const path of ["/nodes/file", "/nodes/other", "/nodes/link"]) {
      const device: OciDevice = { type: "c", path, major: 1, minor: 8 };
      const { code } = await bundle.run(withDevices(shell("true"), [device]));
      expect({ path, refused: code !== 0 }).toEqual({ path, refused: true });
    }
  },
  {
    except: {
      crun: "1.8 leaves the file there: the specification wants an error",
      runc: "1.1 leaves the file there: the specification wants an error",
    },
  },
);

eachRuntime("the default devices are there without a mount at /dev too", async (bundle) => {
  const spec = shell(
    "for f in null zero full random urandom tty; do [ -c /dev/$f ] || echo missing $f; done; " +
      "for f in fd stdin stdout stderr; do [ -L /dev/$f ] || echo no link $f; done; " +
      "for f in ptmx; do [ -e /dev/$f -o -L /dev/$f ] || echo missing $f; done; echo done",
  );
  const mounts = (spec.mounts ?? []).filter(({ destination }) => destination === "/proc");
  expect((await bundle.run({ ...spec, mounts })).stdout).toBe("done\n");
});

eachRuntime("a /dev that is bound from the host is left as it is", async (bundle) => {
  mkdirSync(join(bundle.path, "devices"));
  for (const name of ["null", "zero", "only"])
    Bun.spawnSync(["mknod", "-m", "666", join(bundle.path, "devices", name), "c", "1", "3"]);
  const spec = shell("ls /dev");
  const kept = (spec.mounts ?? []).filter(({ destination }) => destination === "/proc");
  const bind = { destination: "/dev", type: "bind", source: "devices", options: ["bind"] };
  const { stdout } = await bundle.run({ ...spec, mounts: [...kept, bind] });
  expect(
    stdout
      .trim()
      .split("\n")
      .filter((name) => !/^(fd|std|core|ptmx)/.test(name)),
  ).toEqual(["null", "only", "zero"]);
});

eachRuntime("/dev/console is the terminal of a container that has one, and only then", async (bundle) => {
  const { stdout } = await bundle.run(shell("[ -e /dev/console ] && echo there; echo end"));
  expect(stdout).toBe("end\n");
});

eachRuntime("/proc, /sys, /dev/pts and /dev/shm are what they are named after", async (bundle) => {
  const spec = shell("for p in /proc /sys /dev/pts /dev/shm; do stat -f -c %T $p; done");
  const shm = { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["mode=1777"] };
  const { stdout } = await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), shm] });
  expect(stdout).toBe("proc\nsysfs\ndevpts\ntmpfs\n");
});

const devicesThere =
  "for f in null zero full random urandom tty; do [ -c /dev/$f ] || echo missing $f; done; head -c 1 /dev/zero | wc -c";

eachRuntime(
  "devices: without the right to make them, those of the host are bound",
  async (bundle) => {
    bundle.configure(shell(devicesThere));
    const drop = ["setpriv", "--bounding-set", "-mknod", "--inh-caps", "-all"];
    const command = [...drop, bundle.runtime, "--root", bundle.root, "run", bundle.id];
    const child = Bun.spawn(command, { cwd: bundle.path, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    expect(await new Response(child.stdout).text()).toBe("1\n");
    expect(await child.exited).toBe(0);
  },
  { except: { crun: "1.8 gives up when mknod is refused" } },
);

eachRuntime(
  "devices: a FIFO in a user namespace is made, not bound",
  async (bundle) => {
    const base = withDevices(shell("[ -p /dev/pipe ] && stat -c '%a %u' /dev/pipe"), [
      { type: "p", path: "/dev/pipe", fileMode: 0o640, uid: 7 },
    ]);
    const maps = [{ containerID: 0, hostID: 400_000, size: 1000 }];
    const namespaces = [...(base.linux?.namespaces ?? []), { type: "user" as const }];
    const linux = { ...base.linux, namespaces, uidMappings: maps, gidMappings: maps };
    const { stdout } = await bundle.run({ ...base, linux });
    expect(stdout).toBe("640 7\n");
  },
  { except: { runc: "1.1 binds what the host does not have" } },
);
