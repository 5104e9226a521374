/**
 * Images where no room is left: load, import and pull say so, once, and leave nothing; removal works all the same, and after it the same
 * command does. On a small file system of the kernel's ext4, where layers are images, and on tmpfs, where they are directories.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dockerArchive, tarOf } from "../../src/engine/image/testing/image-archive.ts";
import { TestEngine } from "../support/engine-harness.ts";
import { type SmallRegistry, serveImage } from "../support/small-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

const mountBytes = 48 << 20;
/** Two layers: the first has room, the second has not. */
const layers = [8, 60].map((megabytes, index) => {
  const bytes = new Uint8Array(megabytes << 20);
  for (let at = 0; at < bytes.length; at += 4096) bytes.set(crypto.getRandomValues(new Uint8Array(4096)), at);
  return tarOf({ [`file${index}`]: bytes });
});

let files: TemporaryDirectory;
let registry: SmallRegistry;

beforeAll(() => {
  files = temporaryDirectory("full-images");
  const [small = new Uint8Array(0), large = new Uint8Array(0)] = layers;
  writeFileSync(`${files.path}/large.tar`, tarOf(dockerArchive(layers, ["large:1"])));
  writeFileSync(`${files.path}/small.tar`, tarOf(dockerArchive([small], ["small:1"])));
  writeFileSync(`${files.path}/tree.tar`, large);
  registry = serveImage(layers);
}, 60_000);
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

function run(...words: readonly string[]): void {
  const done = Bun.spawnSync([...words]);
  if (!done.success) throw new Error(`${words.join(" ")}: ${done.stderr.toString()}`);
}

function mount(kind: "ext4" | "tmpfs", at: string): void {
  if (kind === "tmpfs") {
    run("mount", "-t", "tmpfs", "-o", `size=${mountBytes},mode=700`, "tmpfs", at);
    return;
  }
  const image = `${files.path}/ext4-${at.split("/").at(-2)}`;
  run("truncate", "-s", String(mountBytes), image);
  run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image);
  run("mount", "-o", "loop", image, at);
}

describe.each(["ext4", "tmpfs"] as const)("on %s", (kind) => {
  test("what does not fit is refused in words, and nothing of it is left", async () => {
    await using engine = new TestEngine();
    mkdirSync(engine.root);
    mount(kind, engine.root);
    try {
      await engine.start();
      await engine.output("load", "-q", "-i", `${files.path}/small.tar`);
      const stored = (): string[] => readdirSync(`${engine.root}/layers`);
      const [small = ""] = stored();
      const free = (): number => {
        const { bavail, bsize } = statfsSync(engine.root);
        return bavail * bsize;
      };
      const before = free();
      for (const command of [
        ["load", "-q", "-i", `${files.path}/large.tar`],
        ["import", `${files.path}/tree.tar`],
        ["pull", "-q", registry.image],
      ]) {
        const refused = await engine.cli(...command);
        expect([command[0], refused.exitCode, refused.stderr]).toEqual([
          command[0],
          1,
          expect.stringMatching(/no room|No space left|ENOSPC/i),
        ]);
        await until("everything of it to be gone", () => stored().length === 1);
        expect(stored()).toEqual([small]);
        // Parts of blobs give way too: a disk that is full is no place for them.
        expect(readdirSync(`${engine.root}/staging`)).toEqual([]);
        await until("its room to be free", () => before - free() < 1 << 20);
      }
      expect(await engine.output("images", "-q", "-a")).not.toContain("\n");
      const write = "dd if=/dev/urandom of=/large bs=1M count=20 2>/dev/null";
      await engine.output("run", "--name", "wrote", "--network", "none", "base", "sh", "-c", write);
      const withBase = stored().sort();
      const refused = await engine.cli("commit", "wrote", "committed:1");
      expect([refused.exitCode, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/no space left on device/i),
      ]);
      await until("everything of it to be gone", () => stored().length === withBase.length);
      expect(stored().sort()).toEqual(withBase);
      // What is full to the last byte is emptied all the same.
      writeFileSync(`${engine.root}/filler`, "");
      const fill = [
        "dd",
        "if=/dev/zero",
        `of=${engine.root}/filler`,
        "bs=4k",
        "oflag=append",
        "conv=notrunc",
      ];
      // What the refused commit had written may be given back only now; and the file system keeps some blocks for itself.
      await until("the disk to be full", () => {
        Bun.spawnSync(fill);
        return free() < 64 * 1024;
      });
      expect((await engine.output("rmi", "small:1")).split("\n")[0]).toBe("Untagged: small:1");
      await engine.output("rm", "wrote");
      await engine.output("image", "prune", "-a", "-f");
      expect(stored()).toEqual([]);
      rmSync(`${engine.root}/filler`);
      await engine.output("load", "-q", "-i", `${files.path}/small.tar`);
    } finally {
      await engine.stopAll();
      run("umount", "-l", engine.root);
    }
  }, 60_000);
});
