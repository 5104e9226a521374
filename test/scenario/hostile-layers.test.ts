/**
 * Layers made to do harm, in every form that this machine can keep them in: those that would lead out, or are no layer, are
 * refused in one short sentence and leave nothing; what is only odd stays inside of its container, and the host has nothing of it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { headerOf } from "../../src/archive/mod.ts";
import { dockerArchive, tarOf } from "../../src/engine/image/testing/image-archive.ts";
import { TiffinError } from "../../src/lib/errors.ts";
import { EngineFixture } from "../support/engine-in-process.ts";
import { archiveOf, entryOf, type Member } from "../support/layer-archive.ts";
import { layerForms } from "../support/layer-forms.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

const limitUnpackedBytes = 64 * 1024 * 1024;
/** Of the engine and the test together, over what they had before. */
const mostMemoryBytes = 160 * 1024 * 1024;
const longestMessage = 9000;
const removal = { force: false, keepParents: false };

const busybox: readonly Member[] = [
  { path: "bin/sh", content: readFileSync("/bin/busybox"), mode: 0o755 },
  ...["cat", "ls", "stat", "id", "true"].map((name): Member => {
    return { path: `bin/${name}`, type: "hardLink", linkTarget: "bin/sh" };
  }),
  { path: "etc/passwd", content: "root:x:0:0::/:/bin/sh\ncook:x:1000:1000::/:/bin/sh\n" },
];

async function* pieces(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const good = archiveOf([{ path: "file", content: "content".repeat(1000) }]);

/** A header that says `bytes`, with the checksum that goes with it. */
function headerSaying(change: (block: Uint8Array) => void): Uint8Array {
  const block = new Uint8Array(headerOf(entryOf({ path: "file" })).slice(-512));
  change(block);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return block;
}

/** A gigabyte of zeros, in a megabyte; made once. */
function bombOf(script: string): () => Uint8Array {
  let made: Uint8Array | undefined;
  return () => {
    made ??= Bun.spawnSync(["sh", "-c", script, outside.path]).stdout;
    return made;
  };
}

const bomb = bombOf("head -c 1000000000 /dev/zero | gzip -1");
const bombTar = bombOf("truncate -s 1000M $0/zeros; tar -cf - -C $0 zeros | gzip -1; rm $0/zeros");

let outside: TemporaryDirectory;
const refused: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  ["a path with ..", () => archiveOf([{ path: "../x" }]), /^archive.escapes: .*"\.\.\/x" lies outside/],
  ["a path with .. in its middle", () => archiveOf([{ path: "a/../../x" }]), /^archive.escapes: /],
  [
    "a hard link to a file of the host",
    () => archiveOf([{ path: "x", type: "hardLink", linkTarget: `../../../..${outside.path}/secret` }]),
    /^archive.escapes: /,
  ],
  [
    "a hard link through a symbolic link to the host",
    () =>
      archiveOf([
        { path: "out", type: "symlink", linkTarget: outside.path },
        { path: "x", type: "hardLink", linkTarget: "out/secret" },
      ]),
    /^archive.unpack-failed: cannot unpack "(x|out\/secret)": /,
  ],
  [
    "a hard link to what only the host has",
    () => archiveOf([{ path: "x", type: "hardLink", linkTarget: `${outside.path}/secret` }]),
    /^archive.unpack-failed: cannot unpack "x": /,
  ],
  [
    "a hard link to a directory",
    () =>
      archiveOf([
        { path: "d", type: "directory" },
        { path: "x", type: "hardLink", linkTarget: "d" },
      ]),
    /^archive.unpack-failed: cannot unpack "x": /,
  ],
  [
    "an entry below a circle of symbolic links",
    () =>
      archiveOf([
        { path: "a", type: "symlink", linkTarget: "b" },
        { path: "b", type: "symlink", linkTarget: "a" },
        { path: "a/x", content: "1" },
      ]),
    /^archive.unpack-failed: cannot unpack "a\/x": /,
  ],
  [
    "an entry that would be the root",
    () => archiveOf([{ path: "a/..", content: "x" }]),
    /^archive.escapes: /,
  ],
  [
    "a name of 300 bytes",
    () => archiveOf([{ path: "n".repeat(300) }]),
    /^archive.unpack-failed: cannot unpack "n{200}\.\.\.": /,
  ],
  [
    "a symbolic link of 5000 bytes",
    () => archiveOf([{ path: "l", type: "symlink", linkTarget: "t".repeat(5000) }]),
    /^archive.unpack-failed: cannot unpack "l": /,
  ],
  [
    "a path of 60,000 bytes that leads out",
    () => archiveOf([{ path: "../".repeat(20_000) }]),
    /^archive.escapes: /,
  ],
  ["a header cut short", () => good.subarray(0, 300), /^archive.malformed: .* in the middle of a member/],
  ["content cut short", () => good.subarray(0, 2000), /^archive.malformed: .* in the middle of a member/],
  ["a wrong checksum", () => good.map((byte, at) => (at === 3 ? 1 : byte)), /^archive.malformed: .*checksum/],
  [
    "a size below nothing",
    () => headerSaying((block) => block.fill(0xff, 124, 136)),
    /^archive.malformed: .*a member of -1 bytes/,
  ],
  [
    "a size beyond all disks, and nothing behind it",
    () =>
      headerSaying((block) => block.set([0x80, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 124)),
    /^archive.malformed: .*(bytes|in the middle)/,
  ],
  [
    "an extended header of two megabytes",
    () =>
      headerSaying((block) => {
        block[156] = 0x78;
        block.set(Buffer.from("00010000000\0"), 124);
      }),
    /^archive.malformed: .*extended header of 2097152 bytes/,
  ],
  [
    "a member of a type that nobody knows",
    () => headerSaying((block) => void block.fill(0x57, 156, 157)),
    /type "W"/,
  ],
  ["a gigabyte of zeros in a megabyte, that is no tar", bomb, /^archive.(too-large|malformed): /],
  ["a gigabyte of zeros in a megabyte", bombTar, /^archive.too-large: .* more than 67108864 bytes/],
  ["a page for people", () => Buffer.from("<html>no layer</html>".repeat(99)), /^archive.malformed: /],
];

describe.each(layerForms())("layers as %s", (_form, facts) => {
  let fixture: EngineFixture;
  let scratch: TemporaryDirectory;

  beforeAll(async () => {
    scratch = temporaryDirectory("hostile-layers");
    outside = temporaryDirectory("outside");
    writeFileSync(`${outside.path}/secret`, "of the host");
    fixture = new EngineFixture(`${scratch.path}/engine`, { limitUnpackedBytes });
    await fixture.open({ facts });
    await fixture.engine.images.list({ all: true, sharedSize: false, filters: {} });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
    outside[Symbol.dispose]();
  });

  const importing = async (archive: Uint8Array, name = ""): Promise<void> => {
    const [repository = "", tag = ""] = name.split(":");
    const request = { source: "-", repository, tag, message: "", changes: [], platform: undefined };
    await fixture.engine.images.import(request, pieces(archive), () => {}, new AbortController().signal);
  };
  /** Once nothing waits to be deleted: all that there is of layers. */
  const left = async (): Promise<string[]> => {
    const root = `${scratch.path}/engine/root`;
    await until("the trash to be empty", () => readdirSync(`${root}/trash`).length === 0);
    return ["layers", "staging"].flatMap((name) =>
      existsSync(`${root}/${name}`) ? readdirSync(`${root}/${name}`).map((each) => `${name}/${each}`) : [],
    );
  };

  test.each(refused)(
    "%s is refused in words, in little memory, and nothing is left",
    async (_what, make, words) => {
      const archive = make();
      const before = await left();
      Bun.gc(true);
      const { rss } = process.memoryUsage();
      const thrown: unknown = await importing(archive).catch((error: unknown) => error);
      expect(process.memoryUsage().rss - rss).toBeLessThan(mostMemoryBytes);
      if (!(thrown instanceof TiffinError)) throw thrown ?? new Error("it was taken");
      expect(`${thrown.code}: ${thrown.message}`).toMatch(words);
      expect(thrown.kind).toBe("invalid");
      expect(await left()).toEqual(before);
      expect(readdirSync(outside.path)).toEqual(["secret"]);
      expect(fixture.reported).toEqual([]);
    },
  );

  test("what only looks as if it led out stays inside", async () => {
    await importing(
      archiveOf([
        ...busybox,
        { path: "/absolute", content: "inside" },
        { path: outside.path, type: "directory" },
        { path: "out", type: "symlink", linkTarget: outside.path },
        { path: "out/planted", content: "inside too" },
        { path: "up", type: "symlink", linkTarget: "../../../../../.." },
        { path: `up${outside.path}/deep`, content: "inside as well" },
        { path: "a/../b/./c", content: "plain" },
      ]),
      "odd:1",
    );
    const script = `cat /absolute /out/planted ${outside.path}/planted ${outside.path}/deep /b/c`;
    const ran = await fixture.run(["/bin/sh", "-c", script], { Image: "odd:1" });
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect(ran.stdout).toBe("insideinside tooinside tooinside as wellplain");
    expect(readdirSync(outside.path)).toEqual(["secret"]);
    await fixture.engine.images.remove("odd:1", removal);
  });

  test("devices are nodes that nobody may open, and setuid works inside while nobody else reaches it", async () => {
    await importing(
      archiveOf([
        ...busybox,
        { path: "disk", type: "block", mode: 0o666, deviceMajor: 7, deviceMinor: 0 },
        { path: "memory", type: "character", mode: 0o666, deviceMajor: 1, deviceMinor: 1 },
        { path: "root-id", content: readFileSync("/bin/busybox"), mode: 0o4755 },
      ]),
      "nodes:1",
    );
    const script = "stat -c '%t:%T %a' /disk /memory; stat -c %a /root-id; cat /disk; cat /memory";
    const ran = await fixture.run(["/bin/sh", "-c", script], { Image: "nodes:1" });
    expect(ran.stdout).toBe("7:0 666\n1:1 666\n4755\n");
    expect(ran.stderr.match(/Operation not permitted/g)).toHaveLength(2);
    const root = `${scratch.path}/engine/root`;
    expect(statSync(`${root}/layers`).mode & 0o777).toBe(0o700);
    await fixture.engine.images.remove("nodes:1", removal);
  });

  test("of names that come twice the last counts, whatever they are, in one layer and across layers", async () => {
    const lower = archiveOf([
      ...busybox,
      { path: "file-then-directory", content: "1" },
      { path: "directory-then-file/below", content: "2" },
      { path: "directory-then-link/below", content: "3" },
      { path: "link-then-directory", type: "symlink", linkTarget: outside.path },
      { path: "link-then-file", type: "symlink", linkTarget: `${outside.path}/secret` },
      { path: "twice", content: "first" },
      { path: "twice", type: "directory" },
      { path: "twice/below", content: "second" },
      { path: "twice", content: "third" },
    ]);
    const upper = archiveOf([
      { path: "file-then-directory", type: "directory" },
      { path: "file-then-directory/below", content: "4" },
      { path: "directory-then-file", content: "5" },
      { path: "directory-then-link", type: "symlink", linkTarget: "twice" },
      { path: "link-then-directory/secret", content: "6" },
      { path: "link-then-file", content: "7" },
    ]);
    const archive = tarOf(dockerArchive([lower, upper], ["twice:1"]));
    await fixture.engine.images.load({ quiet: true, platform: undefined }, pieces(archive), () => {});
    const script =
      "cat file-then-directory/below directory-then-file directory-then-link link-then-directory/secret link-then-file twice; ls link-then-directory";
    const ran = await fixture.run(["/bin/sh", "-c", script], { Image: "twice:1" });
    expect([ran.code, ran.stderr, ran.stdout]).toEqual([0, "", "45third67thirdsecret\n"]);
    expect(readFileSync(`${outside.path}/secret`, "utf8")).toBe("of the host");
    expect(readdirSync(outside.path)).toEqual(["secret"]);
    await fixture.engine.images.remove("twice:1", removal);
  });

  test("a hard link to what a lower layer has, or through its links, is refused", async () => {
    const lower = archiveOf([
      { path: "there", content: "1" },
      { path: "out", type: "symlink", linkTarget: outside.path },
    ]);
    for (const linkTarget of ["there", "out/secret"]) {
      const upper = archiveOf([{ path: "x", type: "hardLink", linkTarget }]);
      const archive = tarOf(dockerArchive([lower, upper], ["links:1"]));
      const before = await left();
      const loading = fixture.engine.images.load(
        { quiet: true, platform: undefined },
        pieces(archive),
        () => {},
      );
      await expect(loading).rejects.toMatchObject({ kind: "invalid", code: "archive.unpack-failed" });
      expect(await left()).toEqual(before);
    }
    expect(readdirSync(outside.path)).toEqual(["secret"]);
  });
});

test("an error within a stream is short, however long what it is about", async () => {
  const { progressLines } = await import("../../src/api/progress-lines.ts");
  const answer = await progressLines(
    async (report) => {
      report({ status: "begun" });
      throw new TiffinError("invalid", "archive.escapes", "../".repeat(20_000));
    },
    () => {},
  );
  const lines = await Array.fromAsync(answer.lines);
  expect(JSON.stringify(lines.at(-1)).length).toBeLessThan(2 * longestMessage);
});
