/**
 * A root file system that changes while containers start in it: what mounts, masks, devices, copies and the working
 * directory are aimed at turns into links to the host and back, hundreds of thousands of times. TIFFIN_TEST_SWAPS is
 * how many containers are started, 60 unless said.
 */
import { expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { RuntimeSpec } from "../../src/oci/mod.ts";
import { Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { runtimes } from "./runtimes.ts";

const ours = runtimes.find(({ name }) => name === "tiffin")?.path;
const mayRun = ours !== undefined && process.geteuid?.() === 0;
const containers = Number(process.env["TIFFIN_TEST_SWAPS"] ?? "60");
const atOnce = 4;

/** Everything about a tree that a mount, a write, a new file or a new owner would change. */
function fingerprint(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const { mode, uid, gid, size, ctimeMs, nlink } = lstatSync(join(directory, name));
      return [name, mode, uid, gid, size, nlink, ctimeMs].join(" ");
    });
}

/** What the links lead to: it has all the names that are looked up, and a canary at each place. */
function makeOutside(bundle: Bundle): string {
  const outside = join(bundle.directory, "outside");
  for (const name of ["a", "b", "fs", "pts", "shm", "kernel", "sub", "self"]) {
    mkdirSync(join(outside, name), { recursive: true });
    writeFileSync(join(outside, name, "canary"), "");
  }
  for (const name of ["canary", "null", "zero", "version", "kcore", "resolv.conf", "node"]) {
    writeFileSync(join(outside, name), "canary\n");
  }
  return outside;
}

/** In the root and in a volume, next to each directory its double: a link. Returns the pairs. */
function makePairs(bundle: Bundle, outside: string): string[] {
  const volume = join(bundle.directory, "volume");
  mkdirSync(volume);
  mkdirSync(join(bundle.rootfs, "spare"));
  const upwards = `${"../".repeat(12)}${outside.slice(1)}`;
  const names = ["proc", "sys", "dev", "etc", "swap", "srv", "copied", "masked", "nodes", "volume/target"];
  return names.flatMap((name, index) => {
    const path = name.startsWith("volume/") ? join(bundle.directory, name) : join(bundle.rootfs, name);
    mkdirSync(path, { recursive: true });
    const double = `${path}-double`;
    // A second name for /proc leads to the container's own other directories.
    const target = name === "proc" ? "/spare" : index % 2 === 0 ? outside : upwards;
    symlinkSync(target, double);
    return [path, double];
  });
}

function swappedSpec(bundle: Bundle, outside: string, script: string): RuntimeSpec {
  const spec = shell(script, { cwd: "/srv/sub" });
  const tmpfs = (destination: string, ...options: string[]) => ({
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options,
  });
  const mounts = [
    ...(spec.mounts ?? []),
    tmpfs("/swap/a"),
    tmpfs("/swap/b/made"),
    tmpfs("/copied", "tmpcopyup"),
    { destination: "/volume", type: "bind", source: join(bundle.directory, "volume"), options: ["rbind"] },
    tmpfs("/volume/target/sub"),
    { destination: "/etc/resolv.conf", type: "bind", source: "/etc/hostname", options: ["bind", "ro"] },
    { destination: "/etc/made", type: "bind", source: outside, options: ["rbind", "ro"] },
  ];
  const devices = [
    { type: "c", path: "/nodes/node", major: 1, minor: 3 },
    { type: "c", path: "/dev/mine", major: 1, minor: 5 },
  ] as const;
  const maskedPaths = ["/proc/version", "/proc/kcore", "/masked", "/masked/kernel", "/sys/kernel"];
  const readonlyPaths = ["/proc/sys", "/masked/sub", "/sys/fs"];
  return { ...spec, mounts, linux: { ...spec.linux, devices, maskedPaths, readonlyPaths } };
}

/** Says what it can see of the host, and what of /proc is not hidden, wherever that was put. */
const look = [
  "for place in . /srv /srv/sub /copied /swap/a /volume/target/sub; do",
  "  [ -e $place/canary ] && echo leaked $place;",
  "done;",
  "for place in /proc /spare; do",
  "  cat $place/version 2>/dev/null;",
  "  (echo box > $place/sys/kernel/domainname) 2>/dev/null && echo wrote $place;",
  "done; true",
].join(" ");

test.skipIf(!mayRun)(
  "targets that turn into links while containers start: nothing outside is reached, nothing is left",
  async () => {
    await using bundle = new Bundle(ours ?? "");
    const outside = makeOutside(bundle);
    const pairs = makePairs(bundle, outside);
    bundle.configure(swappedSpec(bundle, outside, look));
    const before = fingerprint(outside);
    const swapper = Bun.spawn([process.execPath, join(import.meta.dir, "swapper.ts"), ...pairs], {
      stdin: "pipe",
      stdout: "inherit",
      stderr: "inherit",
    });
    const codes = new Map<number, number>();
    let next = 0;
    const starter = async (): Promise<void> => {
      for (let turn = next++; turn < containers; turn = next++) {
        const id = `${bundle.id}-${turn}`;
        const told = await bundle.call("run", id);
        codes.set(told.code, (codes.get(told.code) ?? 0) + 1);
        expect({ stdout: told.stdout, groups: groupsNamed(id) }).toEqual({ stdout: "", groups: [] });
        if (told.code !== 0) expect(told.stderr).toStartWith("tiffin-runtime: ");
      }
    };
    await Promise.all(Array.from({ length: atOnce }, starter));
    expect(swapper.exitCode).toBeNull();
    await swapper.stdin.end();
    expect(await swapper.exited).toBe(0);
    expect(fingerprint(outside)).toEqual(before);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bundle.directory);
    expect(readdirSync(bundle.root)).toEqual([]);
    // Some of them got through, or this would show nothing.
    expect([...codes.keys()].sort()).toEqual([0, 1]);
  },
  Math.max(60_000, containers * 500),
);

test.skipIf(!mayRun)("a working directory that turns into a link while an exec enters it", async () => {
  await using bundle = new Bundle(ours ?? "");
  const outside = makeOutside(bundle);
  const pairs = makePairs(bundle, outside).slice(10, 12);
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  await bundle.detached("run", "-d", bundle.id);
  const before = fingerprint(outside);
  const swapper = Bun.spawn([process.execPath, join(import.meta.dir, "swapper.ts"), ...pairs], {
    stdin: "pipe",
  });
  for (let turn = 0; turn < 15; turn += 1) {
    const script = "[ -e canary ] && echo leaked; [ -e ../canary ] && echo leaked; true";
    const told = await bundle.call("exec", "--cwd", "/srv", bundle.id, "/bin/sh", "-c", script);
    expect(told.stdout).toBe("");
  }
  await swapper.stdin.end();
  await swapper.exited;
  expect(fingerprint(outside)).toEqual(before);
});

test.skipIf(!mayRun)("/proc that is a link of the image is hidden and protected where it leads", async () => {
  await using bundle = new Bundle(ours ?? "");
  renameSync(join(bundle.rootfs, "proc"), join(bundle.rootfs, "elsewhere"));
  symlinkSync("elsewhere", join(bundle.rootfs, "proc"));
  const spec = shell(
    "cat /proc/version /elsewhere/version; (echo x > /elsewhere/sys/kernel/domainname) && echo wrote",
  );
  const linux = { ...spec.linux, maskedPaths: ["/proc/version"], readonlyPaths: ["/proc/sys"] };
  const told = await bundle.run({ ...spec, linux });
  expect(told.stdout).toBe("");
});

test.skipIf(!mayRun)("terminal devices that turn into links while a terminal is made", async () => {
  // CVE-2025-52565
  await using bundle = new Bundle(ours ?? "");
  const outside = makeOutside(bundle);
  const file = join(outside, "canary");
  const dev = join(bundle.rootfs, "dev");
  mkdirSync(join(dev, "pts"));
  for (const name of ["console", "ptmx"]) writeFileSync(join(dev, name), "");
  const pairs = ["console", "ptmx", "pts"].flatMap((name) => {
    symlinkSync(name === "pts" ? outside : file, join(dev, `${name}-double`));
    return [join(dev, name), join(dev, `${name}-double`)];
  });
  const spec = shell("echo taken > /dev/console; echo taken > /dev/pts/0; true", { terminal: true });
  const mounts = (spec.mounts ?? []).filter(({ destination }) => destination !== "/dev");
  bundle.configure({ ...spec, mounts });
  const before = fingerprint(outside);
  const swapper = Bun.spawn([process.execPath, join(import.meta.dir, "swapper.ts"), ...pairs], {
    stdin: "pipe",
  });
  for (let turn = 0; turn < 8; turn += 1) await bundle.call("run", `${bundle.id}-${turn}`);
  await swapper.stdin.end();
  await swapper.exited;
  expect(fingerprint(outside)).toEqual(before);
  expect(readFileSync(file, "utf8")).toBe("canary\n");
  expect(readdirSync(bundle.root)).toEqual([]);
});
