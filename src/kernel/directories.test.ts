import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { TiffinError } from "../lib/errors.ts";
import { resolveUser } from "../linux/passwd.ts";
import { fileStatus, listDirectory, removeTree, removeTreeInSlices } from "./directory.ts";
import {
  exists,
  makeDirectory,
  openDirectory,
  openFile,
  openFlags,
  openInRoot,
  readText,
  readTextIfPossible,
  removeFile,
  writeAtomically,
  writeKernelFile,
} from "./files.ts";
import { readRootAccounts } from "./root-accounts.ts";
import { cString, SyscallError, syscall } from "./syscall.ts";
import { TreeView } from "./tree-view.ts";

let base = "";
beforeEach(() => {
  base = mkdtempSync("/tmp/tiffin-test-directories-");
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof SyscallError || thrown instanceof TiffinError) return thrown.code;
    throw thrown;
  }
  return "none";
}

const makeNode = (path: string, mode: number, device = 0): void => {
  syscall("mknodat", path, -100, cString(path), mode, device);
};

describe("files", () => {
  test("replaced in one step, with mode, and without a temporary file left", () => {
    const path = `${base}/state`;
    writeAtomically(path, "one");
    writeAtomically(path, "two", 0o640);
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(fileStatus(path)?.mode).toBe(0o640);
    expect(readdirSync(base)).toEqual(["state"]);
  });

  test("a target that cannot be replaced leaves no temporary file", () => {
    mkdirSync(`${base}/state/full`, { recursive: true });
    expect(codeOf(() => writeAtomically(`${base}/state`, "x"))).toBe("EISDIR");
    expect(readdirSync(base)).toEqual(["state"]);
  });

  test("lookups inside a root cannot leave it", () => {
    writeFileSync(`${base}/secret`, "host");
    mkdirSync(`${base}/root/etc`, { recursive: true });
    writeFileSync(`${base}/root/etc/name`, "inside");
    symlinkSync("/etc/name", `${base}/root/absolute`);
    symlinkSync("../../../../secret", `${base}/root/climb`);
    symlinkSync("/proc/self/root/etc/passwd", `${base}/root/magic`);
    using root = openDirectory(`${base}/root`);
    expect(codeOf(() => openInRoot(root, "/climb", openFlags.readOnly))).toBe("ENOENT");
    expect(codeOf(() => openInRoot(root, "/magic", openFlags.readOnly))).toBe("ENOENT");
    using inside = openInRoot(root, "/absolute", openFlags.readOnly);
    expect(inside.open).toBe(true);
  });

  test("what is missing", () => {
    expect(readTextIfPossible(`${base}/none`)).toBeUndefined();
    expect(codeOf(() => readText(`${base}/none`))).toBe("ENOENT");
    expect(writeKernelFile(`${base}/none`, "1")).toBe(2);
    expect([exists(`${base}/none`), exists(base)]).toEqual([false, true]);
    expect([makeDirectory(`${base}/d`), makeDirectory(`${base}/d`)]).toEqual([true, false]);
    expect(removeFile(`${base}/none`)).toBe(false);
  });
});

describe("directories", () => {
  test("listing names and types, more than one buffer full", () => {
    for (let index = 0; index < 3000; index += 1) writeFileSync(`${base}/file-with-a-long-name-${index}`, "");
    mkdirSync(`${base}/directory`);
    symlinkSync("x", `${base}/link`);
    using directory = openDirectory(base);
    using readable = openInRoot(directory, ".", openFlags.readOnly | openFlags.directory);
    const entries = listDirectory(readable, base);
    expect(entries.length).toBe(3002);
    const types = new Map(entries.map((entry) => [entry.name, entry.type]));
    expect([types.get("directory"), types.get("link"), types.get("file-with-a-long-name-7")]).toEqual([
      "directory",
      "symlink",
      "file",
    ]);
  });

  test("status of a device, a link and nothing", () => {
    makeNode(`${base}/null`, 0o020600, (1 << 8) | 3);
    symlinkSync("nowhere", `${base}/link`);
    expect(fileStatus(`${base}/null`)).toMatchObject({ type: "character", specialMajor: 1, specialMinor: 3 });
    expect(fileStatus(`${base}/link`)).toMatchObject({ type: "symlink", sizeBytes: 7 });
    expect(fileStatus(`${base}/none`)).toBeUndefined();
  });

  test("removal takes everything in and nothing that a link points at", () => {
    mkdirSync(`${base}/keep`);
    writeFileSync(`${base}/keep/file`, "x");
    mkdirSync(`${base}/tree/a/b`, { recursive: true });
    for (let index = 0; index < 100; index += 1) writeFileSync(`${base}/tree/a/b/${index}`, "");
    symlinkSync(`${base}/keep`, `${base}/tree/a/link`);
    makeNode(`${base}/tree/fifo`, 0o010600);
    chmodSync(`${base}/tree/a/b`, 0);
    expect(removeTree(`${base}/tree`)).toBe(true);
    expect(removeTree(`${base}/tree`)).toBe(false);
    expect(readdirSync(base)).toEqual(["keep"]);
    expect(existsSync(`${base}/keep/file`)).toBe(true);
    symlinkSync(`${base}/keep`, `${base}/link`);
    expect(removeTree(`${base}/link`)).toBe(true);
    expect(existsSync(`${base}/keep/file`)).toBe(true);
  });

  test("a tree deeper than any path can name is removed", async () => {
    const top = `${base}/deep`;
    mkdirSync(top);
    let at = openDirectory(top);
    for (let depth = 0; depth < 2500; depth += 1) {
      syscall("mkdirat", "level", at.raw, cString("a-level-of-a-hostile-tree"), 0o755);
      const below = openDirectory("a-level-of-a-hostile-tree", at);
      at[Symbol.dispose]();
      at = below;
    }
    at[Symbol.dispose]();
    const before = readdirSync("/proc/self/fd").length;
    expect(await removeTreeInSlices(top)).toBe(true);
    expect(existsSync(top)).toBe(false);
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before);
  });

  test("a mount inside stops the removal and keeps its content", () => {
    mkdirSync(`${base}/tree/mounted`, { recursive: true });
    mkdirSync(`${base}/source`);
    writeFileSync(`${base}/source/precious`, "x");
    const flagsBind = 4096;
    syscall("mount", "bind", cString(`${base}/source`), cString(`${base}/tree/mounted`), 0, flagsBind, 0);
    try {
      expect(["EXDEV", "EBUSY"]).toContain(codeOf(() => removeTree(`${base}/tree`)));
      expect(existsSync(`${base}/source/precious`)).toBe(true);
    } finally {
      syscall("umount2", "bind", cString(`${base}/tree/mounted`), 2);
    }
  });
});

describe("layered lookup", () => {
  const layer = (name: string, files: Record<string, string>): string => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(`${base}/${name}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      writeFileSync(`${base}/${name}/${path}`, content);
    }
    return `${base}/${name}`;
  };
  const read = (layers: string[], path: string): string | undefined =>
    text(
      ((): Uint8Array | undefined => {
        using tree = new TreeView(layers);
        return tree.read(path, 1000);
      })(),
    );

  test("the top layer wins, lower ones show through", () => {
    const top = layer("top", { "etc/a": "top" });
    const low = layer("low", { "etc/a": "low", "etc/b": "low b" });
    expect([read([top, low], "/etc/a"), read([top, low], "/etc/b"), read([top, low], "/etc/c")]).toEqual([
      "top",
      "low b",
      undefined,
    ]);
  });

  test("whiteouts and opaque directories hide what is below", () => {
    const top = layer("top", { "etc/x": "", "opaque/x": "" });
    const low = layer("low", { "etc/passwd": "old", "opaque/file": "old" });
    makeNode(`${top}/etc/passwd`, 0o020000, 0);
    const value = new TextEncoder().encode("y");
    syscall("setxattr", "opaque", cString(`${top}/opaque`), cString("trusted.overlay.opaque"), value, 1, 0);
    expect([read([top, low], "/etc/passwd"), read([top, low], "/opaque/file")]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test("a file in place of a directory hides it, and a directory in place of a file is none", () => {
    const top = layer("top", { etc: "a file" });
    const low = layer("low", { "etc/passwd": "old" });
    expect(read([top, low], "/etc/passwd")).toBeUndefined();
    expect(read([low, top], "/etc")).toBeUndefined();
  });

  test("links are followed through the merged tree and never out of it", () => {
    const top = layer("top", { "usr/etc/passwd": "found" });
    const low = layer("low", { "usr/x": "" });
    symlinkSync("usr/etc", `${low}/etc`);
    symlinkSync("../../../../../../../../etc/hostname", `${low}/out`);
    symlinkSync("/etc/passwd", `${low}/absolute`);
    symlinkSync("loop", `${low}/loop`);
    expect(read([top, low], "/etc/passwd")).toBe("found");
    expect(read([top, low], "/absolute")).toBe("found");
    expect(read([top, low], "/etc/../etc/./passwd")).toBe("found");
    expect(read([top, low], "/out")).toBeUndefined();
    expect(codeOf(() => read([top, low], "/loop"))).toBe("ELOOP");
  });

  test("the same answers as the kernel's own overlay", () => {
    const top = layer("top", { "a/one": "1", "b/x": "top" });
    const middle = layer("middle", { "a/two": "2", "b/y": "middle", c: "file" });
    const low = layer("low", { "a/one": "old", "a/three": "3", "b/x": "low", "c/d": "hidden" });
    makeNode(`${middle}/a/three`, 0o020000, 0);
    symlinkSync("../b/y", `${top}/a/link`);
    mkdirSync(`${base}/merged`);
    const options = cString(`lowerdir=${top}:${middle}:${low}`);
    syscall(
      "mount",
      "overlay",
      cString("overlay"),
      cString(`${base}/merged`),
      cString("overlay"),
      0,
      options,
    );
    try {
      for (const path of ["/a/one", "/a/two", "/a/three", "/a/link", "/b/x", "/b/y", "/c", "/c/d", "/none"]) {
        const real = `${base}/merged${path}`;
        const kernel = existsSync(real) ? readFileSync(real, "utf8") : undefined;
        expect([path, read([top, middle, low], path)]).toEqual([path, kernel]);
      }
    } finally {
      syscall("umount2", "overlay", cString(`${base}/merged`), 2);
    }
  });

  test("accounts from layers and from one root", () => {
    const root = layer("root", {
      "etc/passwd": "me:x:7:8::/home/me:/bin/sh\n",
      "etc/group": "g:x:9:me\n",
    });
    const expected = { uid: 7, gid: 8, additionalGids: [8, 9], home: "/home/me" };
    const layered = readRootAccounts({ layers: [root] });
    expect(resolveUser("me", [], layered.passwd, layered.groups)).toEqual(expected);
    using opened = openDirectory(root);
    const direct = readRootAccounts({ root: opened });
    expect(resolveUser("me", [], direct.passwd, direct.groups)).toEqual(expected);
  });

  test("hostile account files: a gigabyte, a pipe, a directory, a link out", () => {
    const root = layer("root", { "etc/passwd": "" });
    truncateSync(`${root}/etc/passwd`, 1 << 30);
    makeNode(`${root}/etc/group`, 0o010600);
    using opened = openDirectory(root);
    expect(codeOf(() => readRootAccounts({ layers: [root] }))).toBe("user.file-too-large");
    expect(codeOf(() => readRootAccounts({ root: opened }))).toBe("user.file-too-large");
    rmSync(`${root}/etc/passwd`);
    symlinkSync("../../../../../../../../etc/passwd", `${root}/etc/passwd`);
    expect(readRootAccounts({ root: opened })).toEqual({ passwd: [], groups: [] });
    expect(readRootAccounts({ layers: [root] })).toEqual({ passwd: [], groups: [] });
  });
});

test("names that are no UTF-8 are listed, opened and removed like others", () => {
  const base = mkdtempSync("/tmp/tiffin-test-names-");
  const made = Bun.spawnSync(
    ["sh", "-c", 'mkdir "$(printf "d\\377")" && >"$(printf "d\\377/\\376")" && >"$(printf "\\303")"'],
    {
      cwd: base,
    },
  );
  expect(made.exitCode).toBe(0);
  {
    using directory = openFile(undefined, base, openFlags.readOnly | openFlags.directory);
    const types = listDirectory(directory, base).map(({ name }) => fileStatus(name, directory)?.type);
    expect(types.sort()).toEqual(["directory", "file"]);
  }
  expect(removeTree(base)).toBe(true);
  expect(existsSync(base)).toBe(false);
}, 5000);
