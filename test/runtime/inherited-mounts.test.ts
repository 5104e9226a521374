/** A configuration without a mount namespace: the container is in its caller's, with a root and mounts of its own. */
import { expect } from "bun:test";
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, OciNamespaceType, RuntimeSpec } from "../../src/oci/mod.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { eachOfOurs, eachRuntime } from "./runtimes.ts";

const files = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] as const;
const most: readonly OciNamespaceType[] = ["pid", "uts", "ipc", "network"];

/** `spec` with these namespaces, none of them for mounts. */
function sharing({ hostname: _own, ...spec }: RuntimeSpec, types = most): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, namespaces: types.map((type) => ({ type })) } };
}

/** Without those of Docker engines that other tests start beside this one. */
const hostMounts = (): string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => !line.includes("/tiffin-test-dockerd-"))
    .sort();
const mountsBelow = (path: string): string[] =>
  hostMounts()
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point === path || point.startsWith(`${path}/`));

/** What another runtime has mounted on the host and left there. */
function takeOffLeft({ rootfs }: Bundle): void {
  for (const point of mountsBelow(rootfs).sort().reverse()) Bun.spawnSync(["umount", "-l", point]);
}

eachRuntime("without a mount namespace the program is in the caller's, in its own root", async (bundle) => {
  try {
    const script = `for n in ${files.join(" ")}; do readlink /proc/self/ns/$n; done; ls -d /proc/1 /dev/null /sys/kernel; ls /`;
    const { code, stdout } = await bundle.run(sharing(shell(script), []));
    const own = files.map((file) => readlinkSync(`/proc/self/ns/${file}`));
    const top = ["bin", "dev", "etc", "proc", "sys", "tmp"];
    const lines = stdout.trim().split("\n");
    expect(code).toBe(0);
    expect(lines.slice(0, files.length)).toEqual(own);
    const rest = lines.slice(files.length);
    expect(rest.slice(0, 3).sort()).toEqual(["/dev/null", "/proc/1", "/sys/kernel"]);
    expect(top.filter((name) => !rest.slice(3).includes(name))).toEqual([]);
  } finally {
    takeOffLeft(bundle);
  }
});

eachOfOurs("without a mount namespace nothing is mounted on the host, whatever ends how", async (bundle) => {
  const before = hostMounts();
  const spec = sharing(specOf(["/bin/sleep", "1000"]));
  await bundle.create(spec);
  expect(hostMounts()).toEqual(before);
  await bundle.start();
  expect(hostMounts()).toEqual(before);
  await bundle.call("kill", bundle.id, "KILL");
  expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
  expect(hostMounts()).toEqual(before);
  const failing = { ...spec, process: specOf(["/bin/nothing"]).process };
  expect((await bundle.run(failing as RuntimeSpec)).code).not.toBe(0);
  const late = { destination: "/late", type: "tmpfs", source: "none", options: ["size=nonsense"] };
  expect((await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), late] })).code).not.toBe(0);
  expect(hostMounts()).toEqual(before);
});

eachOfOurs("without a mount namespace exec is in the container's root and mounts", async (bundle) => {
  await bundle.create(sharing(shell("echo here > /tmp/mark; exec sleep 1000")));
  await bundle.start();
  const before = hostMounts();
  const script =
    "until [ -e /tmp/mark ]; do :; done; cat /tmp/mark; readlink /proc/self/ns/mnt; cat /proc/1/comm; ls /dev/pts/ptmx; pwd";
  const { code, stdout } = await bundle.call("exec", bundle.id, "/bin/sh", "-c", script);
  const namespace = readlinkSync("/proc/self/ns/mnt");
  expect({ code, stdout }).toEqual({ code: 0, stdout: `here\n${namespace}\nsleep\n/dev/pts/ptmx\n/\n` });
  expect(hostMounts()).toEqual(before);
  await bundle.call("kill", bundle.id, "KILL");
});

eachOfOurs("without a mount namespace or any other, exec is not in the host's root", async (bundle) => {
  await bundle.create(sharing(specOf(["/bin/sleep", "1000"]), []));
  await bundle.start();
  const { code, stdout } = await bundle.call("exec", bundle.id, "/bin/sh", "-c", "cd /; ls -di .; ls -di ..");
  const [own, above] = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[0]);
  expect(code).toBe(0);
  expect(own).toBe(above);
  const root = Bun.spawnSync(["ls", "-di", bundle.rootfs]).stdout.toString().trim().split(/\s+/)[0];
  expect(own).toBe(root);
  await bundle.call("kill", bundle.id, "KILL");
});

eachOfOurs(
  "without a mount namespace binds and their options count, hooks see the root at its path",
  async (bundle) => {
    const source = join(bundle.directory, "source");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "bound\n");
    const spec = sharing(shell("cat /bound/file; touch /bound/x 2>&1; touch /x 2>&1; cat /hooked"));
    const hook = `echo hook > ${bundle.rootfs}/hooked; [ -e ${bundle.rootfs}/bound/file ]`;
    const { code, stdout } = await bundle.run({
      ...spec,
      mounts: [...(spec.mounts ?? []), { destination: "/bound", source, options: ["rbind", "ro"] }],
      hooks: { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", hook] }] },
    });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "bound\ntouch: /bound/x: Read-only file system\nhook\n",
    });
  },
);

eachOfOurs("without a mount namespace the container cannot change what is mounted", async (bundle) => {
  const all = ["CAP_SYS_ADMIN"];
  const sets = { bounding: all, effective: all, permitted: all };
  const before = hostMounts();
  const script =
    "mount -t tmpfs x /tmp; echo $?; umount /proc; echo $?; mount -o remount,rw /sys; echo $?; ls -d /proc/self";
  const { stdout } = await bundle.run(sharing(shell(script, { capabilities: sets })));
  const told = stdout.trim().split("\n");
  expect(told.slice(0, 3).every((code) => code !== "0")).toBe(true);
  expect(told.slice(3)).toEqual(["/proc/self"]);
  expect(hostMounts()).toEqual(before);
});

const maps = [{ containerID: 0, hostID: 500_000, size: 1000 }];
const needing: Readonly<Record<string, (spec: RuntimeSpec) => RuntimeSpec>> = {
  "linux.maskedPaths": (spec) => withLinux(spec, { maskedPaths: ["/proc/kcore"] }),
  "linux.readonlyPaths": (spec) => withLinux(spec, { readonlyPaths: ["/proc/sys"] }),
  "linux.rootfsPropagation": (spec) => withLinux(spec, { rootfsPropagation: "rshared" }),
  "a user namespace": (spec) =>
    withLinux(spec, {
      namespaces: [{ type: "user" }, { type: "pid" }],
      uidMappings: maps,
      gidMappings: maps,
    }),
  "mounts[1]": (spec) => ({
    ...spec,
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["unbindable"] },
    ],
  }),
};

function withLinux(spec: RuntimeSpec, more: Partial<LinuxSpec>): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, ...more } };
}

eachOfOurs("without a mount namespace what needs one is refused by its name", async (bundle) => {
  const before = hostMounts();
  for (const [what, change] of Object.entries(needing)) {
    const { code, stderr } = await bundle.run(change(sharing(specOf(["/bin/true"]))));
    expect(code).toBe(1);
    expect(stderr).toContain(what);
    expect(stderr).toContain('add {"type": "mount"} to linux.namespaces');
  }
  expect(hostMounts()).toEqual(before);
});
