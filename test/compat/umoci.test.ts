/** One stack of layers, applied by Tiffin and by umoci: the two trees are compared name by name, with all that they say. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { openDirectory } from "../../src/kernel/files.ts";
import { mountImage } from "../../src/kernel/image-mount.ts";
import { probe } from "../../src/kernel/probe.ts";
import { everything, patterned } from "../erofs/everything.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { archiveOf, type Member } from "../support/layer-archive.ts";
import { makeImage, writeLayout } from "../support/oci-layout.ts";
import { runPeer } from "../support/run-peer.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { differences, listTree } from "../support/tree-listing.ts";

const umoci = Bun.which("umoci");
const checker = Bun.which("fsck.erofs");

/** What the engine's own mounts stand on, and what they cover. */
const mountPoints = ["dev", "etc", "proc", "sys"];
const program: Member = { path: "bin/busybox", content: readFileSync("/bin/busybox"), mode: 0o755 };
const lowest: readonly Member[] = [
  ...everything,
  // In Go an attribute without a value is none.
  { path: "many", content: "m", has: { "user.a": "1", "trusted.c": "3", "security.d": "4" } },
  // Parents that no entry speaks of have the time of their unpacking.
  { path: "deep", type: "directory" },
  { path: `deep/${"n".repeat(255)}`, type: "directory" },
  { path: `deep/${"n".repeat(255)}/${"n".repeat(255)}`, type: "directory" },
  { path: "ümläut", type: "directory" },
  ...mountPoints.map((path): Member => ({ path, type: "directory" })),
  program,
  { path: "gone", type: "directory", mode: 0o711 },
  { path: "gone/with", content: "its directory" },
  { path: "hidden", type: "directory", has: { "user.first": "1" } },
  { path: "hidden/below", content: "not seen" },
  { path: "hidden/deep/er", content: "not seen either" },
  { path: "file-then-directory", content: "file" },
  { path: "directory-then-file", type: "directory" },
  { path: "directory-then-file/inside", content: "goes" },
  { path: "directory-then-link", type: "directory" },
  { path: "changed", content: "old", mode: 0o600 },
  { path: "pair-one", content: "of two names" },
  { path: "pair-two", type: "hardLink", linkTarget: "pair-one" },
  { path: "emptied/kept", content: "kept" },
  { path: "emptied/taken", content: "taken" },
  { path: "emptied", type: "directory", uid: 8 },
];
const middle: readonly Member[] = [
  { path: ".wh.gone" },
  { path: "hidden/.wh..wh..opq" },
  { path: "hidden/new", content: "seen", uid: 12, gid: 13, mode: 0o4711 },
  { path: "hidden", type: "directory", has: { "user.second": "2" }, mode: 0o1777 },
  { path: "file-then-directory", type: "directory", mode: 0o770 },
  { path: "file-then-directory/inside", type: "symlink", linkTarget: "../changed" },
  { path: "directory-then-file", content: "file now" },
  { path: "directory-then-link", type: "symlink", linkTarget: "emptied" },
  { path: "changed", content: patterned(70_000), mode: 0o6755, has: { "user.now": "new" } },
  { path: "pair-two", content: "alone now" },
  { path: "emptied/.wh.taken" },
  { path: "emptied", type: "directory", uid: 9, modifiedAtNs: 1_600_000_000_000_000_001n },
  { path: "setgid", type: "directory", mode: 0o2755, gid: 44 },
];
const highest: readonly Member[] = [
  { path: "gone", type: "directory", mode: 0o700 },
  { path: "gone/again", content: "another" },
  { path: "gone/linked", type: "hardLink", linkTarget: "gone/again" },
  { path: "hidden/.wh.new" },
  { path: "hidden", type: "directory", mode: 0o755 },
  { path: "pipe", content: "a file" },
  { path: ".wh.null" },
  { path: "third", type: "symlink", linkTarget: "bin/tool" },
];

let engine: TestEngine;
let files: TemporaryDirectory;
beforeAll(async () => {
  engine = await startEngine();
  files = temporaryDirectory("umoci");
  const layout = `${files.path}/layout`;
  mkdirSync(layout);
  const layers = [lowest, middle, highest].map((members) => archiveOf(members));
  writeLayout(layout, [makeImage(layers)], "1");
  await runPeer(["tar", "-C", layout, "-cf", `${files.path}/layout.tar`, "."]);
  const id = /sha256:[0-9a-f]{64}/.exec(await engine.output("load", "-i", `${files.path}/layout.tar`))?.[0];
  await engine.output("tag", id ?? "", "stack:1");
}, 60_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

const isMountPoint = (path: string): boolean => mountPoints.some((name) => path === `/${name}`);

/** overlayfs counts the names that a file has in its own layer, also those that a higher one covers: what is seen counts. */
function bySeenNames(lines: Map<string, string>): Map<string, string> {
  const group = / links \d+( size \d+) same as (\S+)/;
  const groups = Map.groupBy(lines.values(), (line) => group.exec(line)?.[2]);
  const seen = (line: string): string => {
    const names = groups.get(group.exec(line)?.[2])?.length ?? 0;
    return names > 1 ? line.replace(group, " seen $1 same as $2") : line.replace(group, " links 1$1");
  };
  return new Map([...lines].map(([path, line]) => [path, seen(line)]));
}

/** What fsck.erofs writes down: no attributes, every name as a file of its own, and owners last, which takes setuid away. */
function asExtracted(lines: Map<string, string>): Map<string, string> {
  const plain = (line: string): string =>
    line
      .replace(/^file \d(?=\d{3} )/, "file ")
      .replace(/ links \d+/, "")
      .replace(/ same as \S+/, "")
      .replace(/ [a-z_]+\.\S+=[0-9a-f]*/g, "");
  return new Map([...lines].map(([path, line]) => [path, plain(line)]));
}

test.skipIf(umoci === null)(
  "umoci's tree and a container's root are one: names, modes, owners, times, attributes, contents, hard links (skipped where there is no umoci)",
  async () => {
    await runPeer([umoci ?? "", "unpack", "--image", `${files.path}/layout:1`, `${files.path}/bundle`]);
    const id = await engine.output(
      ...["run", "-d", "--network", "none", "--entrypoint", "/bin/busybox", "stack:1", "sleep", "1000"],
    );
    const pid = await engine.output("inspect", "-f", "{{.State.Pid}}", id);
    using theirs = openDirectory(`${files.path}/bundle/rootfs`);
    using ours = openDirectory(`/proc/${pid}/root`);
    const [left, right] = [theirs, ours].map((root) => {
      const lines = listTree(root, { without: isMountPoint });
      // The root directory itself is root's and 0755 in every container, as Docker has it.
      expect(lines.delete("")).toBe(true);
      expect(lines.size).toBeGreaterThan(50);
      return bySeenNames(lines);
    });
    expect(differences(left ?? new Map(), right ?? new Map())).toEqual([]);
    await engine.output("rm", "-f", id);
  },
  60_000,
);

test.skipIf(checker === null || !probe().features.erofs)(
  "fsck.erofs takes every layer, and what it unpacks of them are those files (skipped where layers are no images, or without it)",
  async () => {
    const images = readdirSync(`${engine.root}/layers`)
      .filter((name) => /^[0-9a-f]{64}$/.test(name))
      .map((name) => `${engine.root}/layers/${name}/image`);
    expect(images).toHaveLength(3);
    for (const [index, image] of images.entries()) {
      const directory = `${files.path}/extracted-${index}`;
      await runPeer([checker ?? "", `--extract=${directory}`, image]);
      using mounted = mountImage(image, "file");
      using extracted = openDirectory(directory);
      expect(differences(asExtracted(listTree(mounted)), asExtracted(listTree(extracted)))).toEqual([]);
    }
  },
);
