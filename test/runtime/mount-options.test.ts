/** Each word of the specification's table of mount options, as the kernel shows its effect in the container. */
import { expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OciMount } from "../../src/oci/mod.ts";
import { onHostMount } from "../support/host-mount.ts";
import { type Bundle, specOf } from "./bundle.ts";
import { type MountLine, parseMountLines } from "./mount-lines.ts";
import { eachRuntime } from "./runtimes.ts";

/** cgroup v1: a directory of hierarchies. */
const hasOldGroups = !existsSync("/sys/fs/cgroup/cgroup.controllers");

const showMounts = ["/bin/cat", "/proc/self/mountinfo"];

/** The mounts of a container, by their place in it. */
async function mountsOf(bundle: Bundle, more: readonly OciMount[]): Promise<ReadonlyMap<string, MountLine>> {
  const spec = specOf(showMounts);
  const { stdout, stderr, code } = await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), ...more] });
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  return parseMountLines(stdout);
}

/** Options of a bind -> words of the mount that are there, and words that are not. */
const attributes: readonly (readonly [options: readonly string[], there: string, absent?: string])[] = [
  [["defaults"], "rw", "ro nosuid nodev noexec"],
  [["ro"], "ro"],
  [["ro", "rw"], "rw"],
  [["nosuid"], "nosuid"],
  [["nosuid", "suid"], "rw", "nosuid"],
  [["nodev"], "nodev"],
  [["nodev", "dev"], "rw", "nodev"],
  [["noexec"], "noexec"],
  [["noexec", "exec"], "rw", "noexec"],
  [["noatime"], "noatime", "relatime"],
  [["noatime", "atime"], "relatime", "noatime"],
  [["nodiratime"], "nodiratime"],
  [["nodiratime", "diratime"], "rw", "nodiratime"],
  [["relatime"], "relatime", "noatime"],
  [["norelatime"], "rw", "noatime"],
  [["strictatime"], "rw", "noatime relatime"],
  [["nostrictatime"], "rw", "noatime"],
  [["async", "loud", "silent", "iversion", "noiversion", "nolazytime", "nomand"], "rw"],
  [["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"], "ro nosuid nodev noexec noatime nodiratime"],
];

eachRuntime(
  "every attribute word has its effect on a bind, the last of two that contradict wins",
  async (bundle) => {
    mkdirSync(join(bundle.path, "data"));
    const mounts = attributes.map(([options], index) => ({
      destination: `/m${index}`,
      type: "none",
      source: "data",
      options: ["bind", ...options],
    }));
    const lines = await mountsOf(bundle, mounts);
    for (const [index, [options, there, absent = ""]] of attributes.entries()) {
      const words = lines.get(`/m${index}`)?.options ?? [];
      const missing = there.split(" ").filter((word) => !words.includes(word));
      const extra = absent.split(" ").filter((word) => words.includes(word));
      expect({ options, missing, extra }).toEqual({ options, missing: [], extra: [] });
    }
  },
  { except: { crun: "1.8 does not take ro back for rw" } },
);

eachRuntime(
  "symlinks of a mount are followed or not",
  async (bundle) => {
    mkdirSync(join(bundle.path, "data"));
    const lines = await mountsOf(bundle, [
      { destination: "/a", type: "none", source: "data", options: ["bind", "nosymfollow"] },
      { destination: "/b", type: "none", source: "data", options: ["bind", "nosymfollow", "symfollow"] },
    ]);
    expect(lines.get("/a")?.options).toContain("nosymfollow");
    expect(lines.get("/b")?.options).not.toContain("nosymfollow");
  },
  { except: { crun: "1.8 does not know these words" } },
);

eachRuntime(
  "words of the file system: sync, dirsync, lazytime and data that the runtime does not know",
  async (bundle) => {
    const tmpfs = (destination: string, ...options: readonly string[]): OciMount => ({
      destination,
      type: "tmpfs",
      source: "tmpfs",
      options,
    });
    const lines = await mountsOf(bundle, [
      tmpfs("/a", "sync", "dirsync", "lazytime"),
      tmpfs("/b", "sync", "async", "lazytime", "nolazytime", "iversion", "silent"),
      tmpfs("/c", "size=64k", "mode=1700", "nr_inodes=77", "uid=5"),
      tmpfs("/d", "ro", "noexec", "nosuid"),
    ]);
    expect(lines.get("/a")?.superblock).toEqual(expect.arrayContaining(["sync", "dirsync", "lazytime"]));
    for (const word of ["sync", "dirsync", "lazytime"])
      expect(lines.get("/b")?.superblock).not.toContain(word);
    expect(lines.get("/c")?.superblock).toEqual(
      expect.arrayContaining(["size=64k", "mode=1700", "nr_inodes=77", "uid=5"]),
    );
    expect(lines.get("/d")?.options).toEqual(expect.arrayContaining(["ro", "noexec", "nosuid"]));
  },
  { except: { crun: "1.8 hands some of these words to the file system" } },
);

eachRuntime("an empty word is no option", async (bundle) => {
  const lines = await mountsOf(bundle, [
    { destination: "/mnt", type: "tmpfs", source: "x", options: ["", "nosuid", ""] },
    { destination: "/srv", type: "bind", source: "/tmp", options: ["bind", ""] },
  ]);
  expect([lines.has("/mnt"), lines.has("/srv")]).toEqual([true, true]);
});

eachRuntime("data that the file system refuses is an error", async (bundle) => {
  const spec = specOf(["/bin/true"]);
  const mount = { destination: "/a", type: "tmpfs", source: "tmpfs", options: ["nosuchoption=1"] };
  const { code } = await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), mount] });
  expect(code).not.toBe(0);
});

/** Recursive words on a tree whose lower mount is made with `host`: what the lower mount has then. */
type RecursiveRow = readonly [word: string, host: string, there: string, absent: string];
const recursive: readonly RecursiveRow[] = [
  ["rro", "rw", "ro", "rw"],
  ["rrw", "ro", "rw", "ro"],
  ["rnosuid", "rw", "nosuid", ""],
  ["rsuid", "nosuid", "rw", "nosuid"],
  ["rnodev", "rw", "nodev", ""],
  ["rdev", "nodev", "rw", "nodev"],
  ["rnoexec", "rw", "noexec", ""],
  ["rexec", "noexec", "rw", "noexec"],
];
const recursiveTimes: readonly RecursiveRow[] = [
  ["rnodiratime", "rw", "nodiratime", ""],
  ["rdiratime", "nodiratime", "rw", "nodiratime"],
  ["rnoatime", "rw", "noatime", "relatime"],
  ["ratime", "noatime", "rw", "noatime"],
  ["rrelatime", "noatime", "relatime", "noatime"],
  ["rnorelatime", "relatime", "rw", "noatime"],
  ["rstrictatime", "relatime", "rw", "relatime"],
  ["rnostrictatime", "strictatime", "rw", "noatime"],
  ["rnosymfollow", "rw", "nosymfollow", ""],
  ["rsymfollow", "nosymfollow", "rw", "nosymfollow"],
];

async function checkRecursive(bundle: Bundle, rows: readonly RecursiveRow[]): Promise<void> {
  const top = join(bundle.path, "data");
  mkdirSync(top);
  await using tree = onHostMount(top, "rw");
  const mounts = rows.map(([word, host]) => {
    const source = join(top, word);
    mkdirSync(join(source, "sub"), { recursive: true });
    tree.add(join(source, "sub"), host);
    return { destination: `/${word}`, type: "none", source, options: ["rbind", word] };
  });
  const lines = await mountsOf(bundle, mounts);
  for (const [word, , there, absent] of rows) {
    const words = lines.get(`/${word}/sub`)?.options ?? [];
    const found = { word, there: words.includes(there), absent: absent !== "" && words.includes(absent) };
    expect(found).toEqual({ word, there: true, absent: false });
  }
}

eachRuntime("every recursive word has its effect on the whole tree", async (bundle) => {
  await checkRecursive(bundle, recursive);
});

eachRuntime(
  "recursive words for access times and symlinks too",
  async (bundle) => {
    await checkRecursive(bundle, recursiveTimes);
  },
  {
    except: {
      crun: "1.8 asks the kernel for times without clearing the old ones, which it refuses",
      runc: "1.1 asks the kernel for times without clearing the old ones, which it refuses",
    },
  },
);

eachRuntime(
  "rbind takes the mounts below along, bind does not; a plain word is for the top alone",
  async (bundle) => {
    const top = join(bundle.path, "data");
    mkdirSync(top);
    await using tree = onHostMount(top, "rw");
    mkdirSync(join(top, "sub"));
    tree.add(join(top, "sub"), "rw");
    const lines = await mountsOf(bundle, [
      { destination: "/one", type: "none", source: top, options: ["bind", "nosuid"] },
      { destination: "/all", type: "none", source: top, options: ["rbind", "nosuid"] },
    ]);
    expect(lines.has("/one/sub")).toBe(false);
    expect(lines.get("/all")?.options).toContain("nosuid");
    expect(lines.get("/all/sub")?.options).not.toContain("nosuid");
  },
);

const propagations: readonly (readonly [word: string, top: RegExp, below: RegExp])[] = [
  ["private", /^$/, /./],
  ["rprivate", /^$/, /^$/],
  ["shared", /shared:\d+/, /./],
  ["rshared", /shared:\d+/, /shared:\d+/],
  ["slave", /^master:\d+$/, /./],
  ["rslave", /^master:\d+$/, /^master:\d+$/],
  ["unbindable", /^unbindable$/, /./],
  ["runbindable", /^unbindable$/, /^unbindable$/],
];

eachRuntime(
  "every propagation word sets the propagation of a bind, r for the whole tree",
  async (bundle) => {
    const top = join(bundle.path, "data");
    mkdirSync(top);
    await using tree = onHostMount(top, "rw");
    mkdirSync(join(top, "sub"));
    tree.add(join(top, "sub"), "rw");
    const mounts = propagations.map(([word]) => ({
      destination: `/${word}`,
      type: "none",
      source: top,
      options: ["rbind", word],
    }));
    const lines = await mountsOf(bundle, mounts);
    for (const [word, own] of propagations) {
      expect({ word, fits: own.test(lines.get(`/${word}`)?.propagation ?? "?") }).toEqual({
        word,
        fits: true,
      });
    }
    for (const [word, , below] of propagations.filter(([each]) => each.startsWith("r"))) {
      const there = lines.get(`/${word}/sub`)?.propagation ?? "?";
      expect({ word, fits: below.test(there) }).toEqual({ word, fits: true });
    }
  },
  { except: { crun: "1.8 makes a plain word private again" } },
);

eachRuntime(
  "a relative destination counts from the root; a missing one is made; files are bound to files",
  async (bundle) => {
    writeFileSync(join(bundle.path, "file"), "content");
    const lines = await mountsOf(bundle, [
      { destination: "deep/er", type: "tmpfs", source: "tmpfs" },
      { destination: "/etc/of/file", type: "none", source: "file", options: ["bind"] },
    ]);
    expect(lines.get("/deep/er")?.type).toBe("tmpfs");
    expect(lines.has("/etc/of/file")).toBe(true);
  },
);

eachRuntime(
  "remount changes a mount that is there already",
  async (bundle) => {
    const mounts = [
      { destination: "/a", type: "tmpfs", source: "tmpfs", options: ["nosuid"] },
      { destination: "/a/in", type: "tmpfs", source: "tmpfs" },
      {
        destination: "/a",
        type: "tmpfs",
        source: "tmpfs",
        options: ["remount", "nosuid", "ro", "size=128k"],
      },
    ];
    const lines = await mountsOf(bundle, mounts);
    expect(lines.get("/a")?.options).toEqual(expect.arrayContaining(["ro", "nosuid"]));
    expect(lines.get("/a")?.superblock).toContain("size=128k");
    // A second mount on top would have covered it.
    expect(lines.get("/a/in")?.options).toContain("rw");
    const spec = specOf(["/bin/ls", "/a"]);
    expect((await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), ...mounts] })).stdout).toBe("in\n");
  },
  { except: { crun: "1.8 looks for the source of a remount" } },
);

// As podman has it with a read-only tmpfs on /etc (for /etc/hosts), and with --systemd=always.
eachRuntime("what is read-only still has places made in it for later mounts", async (bundle) => {
  mkdirSync(join(bundle.path, "data"));
  writeFileSync(join(bundle.path, "file"), "");
  const bind = { type: "bind", options: ["bind"] };
  const lines = await mountsOf(bundle, [
    { destination: "/a", type: "tmpfs", source: "tmpfs", options: ["ro", "nosuid"] },
    { ...bind, destination: "/a/deep/file", source: "file" },
    { destination: "/a/b", type: "tmpfs", source: "tmpfs", options: ["nosuid"] },
    ...(hasOldGroups
      ? [
          { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid"] },
          { ...bind, destination: "/sys/fs/cgroup/own", source: "data" },
        ]
      : []),
  ]);
  expect(lines.get("/a")?.options).toContain("ro");
  expect(lines.get("/a/deep/file")?.options).toContain("rw");
  expect(lines.get("/a/b")?.options).toContain("rw");
  if (!hasOldGroups) return;
  expect(lines.get("/sys/fs/cgroup/own")?.options).toContain("rw");
  expect(lines.get("/sys/fs/cgroup/memory")?.options).toContain("ro");
});

eachRuntime("two hundred binds", async (bundle) => {
  const source = join(bundle.directory, "source");
  mkdirSync(source);
  const binds = Array.from({ length: 200 }, (_, index) => ({
    destination: `/m/${index}`,
    type: "bind",
    source,
    options: ["rbind"],
  }));
  const places = [...(await mountsOf(bundle, binds)).keys()];
  expect(places.filter((place) => place.startsWith("/m/"))).toHaveLength(200);
});

eachRuntime(
  "a tmpfs has the mode of the directory that it covers, and 1777 where there is none",
  async (bundle) => {
    const modes = { "/kept": 0o2750, "/sticky": 0o1777, "/asked": 0o700, "/readonly": 0o711 };
    for (const [path, mode] of Object.entries(modes)) {
      mkdirSync(join(bundle.rootfs, path));
      chmodSync(join(bundle.rootfs, path), mode);
    }
    symlinkSync("kept", join(bundle.rootfs, "link"));
    const wanted = {
      "/kept": [],
      "/sticky": [],
      "/asked": ["mode=755"],
      "/readonly": ["ro"],
      "/absent/x": [],
      "/link": [],
    };
    const tmpfs = Object.entries(wanted).map(([destination, options]) => ({
      destination,
      type: "tmpfs",
      source: "tmpfs",
      options,
    }));
    const spec = specOf([
      "/bin/busybox",
      "stat",
      "-c",
      "%a",
      "/sticky",
      "/asked",
      "/readonly",
      "/absent/x",
      "/link/",
    ]);
    const ran = await bundle.run({ ...spec, mounts: [...(spec.mounts ?? []), ...tmpfs] });
    expect(ran).toMatchObject({ code: 0, stdout: "1777\n755\n711\n1777\n2750\n" });
  },
  {
    except: {
      crun: "1.8 gives every tmpfs the mode 1777",
      runc: "1.1 takes the directory's mode even where another is asked for",
    },
  },
);

for (const [path, type] of [
  ["proc", "proc"],
  ["sys", "sysfs"],
] as const) {
  eachRuntime(`a /${path} of the image that is a symbolic link is refused`, async (bundle) => {
    rmSync(join(bundle.rootfs, path), { recursive: true, force: true });
    mkdirSync(join(bundle.rootfs, "elsewhere"));
    symlinkSync("elsewhere", join(bundle.rootfs, path));
    const spec = specOf(["/bin/true"]);
    const mounts = (spec.mounts ?? []).filter((mount) => mount.type === type);
    const ran = await bundle.run({ ...spec, mounts });
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain(`/${path}`);
  });
}
