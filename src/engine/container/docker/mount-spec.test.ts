import { expect, test } from "bun:test";
import { collectMounts, decodeBindString, decodeMountRequest, decodeTmpfs } from "./mount-spec.ts";

test("a path before the colon is a bind, a word is a volume, nothing is an anonymous volume", () => {
  expect(decodeBindString("/a/:/b//c/:ro,rslave")).toEqual({
    kind: "bind",
    source: "/a",
    target: "/b/c",
    readOnly: true,
    propagation: "rslave",
    createSource: true,
    recursive: true,
  });
  expect(decodeBindString("data:/d")).toEqual({
    kind: "volume",
    volume: "data",
    target: "/d",
    readOnly: false,
    copy: true,
  });
  expect(decodeBindString("/d")).toMatchObject({ kind: "volume", volume: "", target: "/d" });
});

test("read-only goes for what is mounted below as well, unless a mount says otherwise", () => {
  const bind = { Type: "bind", Source: "/a", Target: "/b", ReadOnly: true };
  const decoded = (BindOptions: object): unknown => decodeMountRequest({ ...bind, BindOptions });
  expect(decoded({})).not.toHaveProperty("writableBelow");
  expect(decoded({ ReadOnlyForceRecursive: true })).not.toHaveProperty("writableBelow");
  expect(decoded({ ReadOnlyNonRecursive: true })).toMatchObject({ writableBelow: true });
});

test.each([
  ["", "invalid volume specification: ''"],
  ["/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"],
  ["/a:/b:wrong", "invalid volume specification: '/a:/b:wrong': invalid mode: wrong"],
  ["/a:/b:ro,rw", "invalid volume specification: '/a:/b:ro,rw': invalid mode: ro,rw"],
  [
    "/a:/b:nocopy",
    "invalid volume specification: '/a:/b:nocopy': invalid mount config for type \"bind\": field VolumeOptions must not be specified",
  ],
  [
    "data:/b:rshared",
    "invalid volume specification: 'data:/b:rshared': invalid mount config for type \"volume\": field BindOptions must not be specified",
  ],
  [
    "/a:b",
    "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid mount path: 'b' mount path must be absolute",
  ],
  [
    "/a:/",
    "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid specification: destination can't be '/'",
  ],
])("%p is refused", (spec, message) => {
  expect(() => decodeBindString(spec)).toThrow(message);
});

test("--mount refuses a missing source instead of making it, and checks its fields", () => {
  expect(decodeMountRequest({ Type: "bind", Source: "/a", Target: "/b" })).toMatchObject({
    createSource: false,
  });
  expect(() => decodeMountRequest({ Type: "bind", Target: "/b" })).toThrow("field Source must not be empty");
  expect(() => decodeMountRequest({ Type: "bind", Source: "/a" })).toThrow("field Target must not be empty");
  expect(() => decodeMountRequest({ Type: "magic", Target: "/b" })).toThrow('mount type unknown: "magic"');
  expect(
    decodeMountRequest({ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 4096, Mode: 0o1777 } }),
  ).toEqual({
    kind: "tmpfs",
    target: "/t",
    options: ["nosuid", "nodev", "noexec", "size=4096", "mode=1777"],
  });
});

test("--tmpfs takes mount options and no others", () => {
  expect(decodeTmpfs("/run", "size=64m,exec").options).toEqual([
    "nosuid",
    "nodev",
    "noexec",
    "size=64m",
    "exec",
  ]);
  expect(() => decodeTmpfs("/run", "colour=red")).toThrow("colour=red");
});

test("mounts are ordered by depth, image volumes give way, duplicates are refused", () => {
  const mounts = collectMounts({
    binds: ["/host:/a/b/c", "/host:/a"],
    mounts: [],
    tmpfs: { "/a/b": "" },
    volumes: [],
    imageVolumes: ["/a", "/v"],
  });
  expect(mounts.map((mount) => `${mount.kind} ${mount.target}`)).toEqual([
    "bind /a",
    "volume /v",
    "tmpfs /a/b",
    "bind /a/b/c",
  ]);
  expect(() =>
    collectMounts({ binds: ["/x:/a", "/y:/a/"], mounts: [], tmpfs: {}, volumes: [], imageVolumes: [] }),
  ).toThrow("Duplicate mount point: /a");
});
