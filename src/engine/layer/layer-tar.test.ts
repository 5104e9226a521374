/** A layer leaves as the bytes that it came in by, whoever wrote them and whatever it is kept as. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { descriptorStatus } from "../../kernel/directory.ts";
import { openDirectory, openFlags, openInRoot } from "../../kernel/files.ts";
import { readAt } from "../../kernel/io.ts";
import { probe } from "../../kernel/probe.ts";
import { TiffinError } from "../../lib/errors.ts";
import { decideLayerForm, type LayerForm } from "./layer-form.ts";
import { closeLowers, type LayerStore, openOverlayLayerStore } from "./mod.ts";

const ext4 = 0xef53;
const own = decideLayerForm(probe(), ext4);
const forms: [string, LayerForm][] = [["directories", { kind: "directory" }]];
if (own.kind === "image") forms.push(["images", own]);

let scratch: TemporaryDirectory;
let layers: LayerStore;

/** A tree with all that tar knows. */
const make = `
set -e
mkdir -p tree/a/deep tree/empty
head -c 300000 /dev/urandom > tree/a/large
head -c 511 /dev/zero > tree/a/odd
: > tree/a/nothing
echo text > tree/a/deep/"name with blanks and ümlauts"
echo long > tree/a/${"n".repeat(180)}
truncate -s 3000005 tree/sparse
for at in 1 3 5 7 9 11 600; do printf data | dd of=tree/sparse bs=4096 seek=$at conv=notrunc status=none; done
ln tree/a/odd tree/hard
ln -s a/odd tree/soft
ln -s ${"t".repeat(150)} tree/long-link
mkfifo tree/pipe
chown 70000:3000000 tree/a/odd
chmod 4755 tree/a/large
touch -d '1999-01-01 00:00:00.123456789' tree/a/odd
`;

async function readAll(id: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of layers.openTar(id).read()) parts.push(piece.slice());
  return Buffer.concat(parts);
}

function ingested(tar: Uint8Array, size = 5000): string {
  using ingest = layers.ingest();
  for (let at = 0; at < tar.length; at += size) ingest.push(tar.subarray(at, at + size));
  return ingest.finish().id;
}

function sh(script: string): Uint8Array<ArrayBuffer> {
  const done = Bun.spawnSync(["bash", "-c", script], { cwd: scratch.path, stderr: "pipe" });
  expect(done.stderr.toString()).toBe("");
  return new Uint8Array(done.stdout);
}

describe.each(forms)("as %s", (_name, form) => {
  beforeEach(() => {
    scratch = temporaryDirectory("layer-tar");
    layers = openOverlayLayerStore({ root: `${scratch.path}/root`, form });
  });
  afterEach(async () => {
    await layers.emptied();
    layers.close();
    scratch[Symbol.dispose]();
  });

  test.each([
    ["GNU", "tar -C tree --format=gnu -cf - ."],
    ["pax with attributes", "tar -C tree --format=pax --xattrs -cf - ."],
    [
      "ustar, in an order of its own",
      "tar -C tree --format=ustar --owner=1 --group=2 --exclude=long-link --exclude='n*' --exclude='[ü]*' -cf - a empty hard pipe soft",
    ],
    ["padded to a large record", "tar -C tree -b 200 -cf - ."],
    ["sparse in GNU's way", "tar -C tree -cS --format=gnu -f - ."],
    ["sparse in pax 0.0", "tar -C tree -cS --format=pax --sparse-version=0.0 -f - ."],
    ["sparse in pax 0.1", "tar -C tree -cS --format=pax --sparse-version=0.1 -f - ."],
    ["sparse in pax 1.0", "tar -C tree -cS --format=pax --sparse-version=1.0 -f - ."],
    ["without an end mark", "tar -C tree -cf - ./a/odd | head -c 1024"],
    ["with something behind its end", "tar -C tree -cf - ./a/odd; echo behind"],
    ["names with a slash before them", "tar -C tree -P --transform 's,^\\./,/,' -cf - . 2>/dev/null"],
  ])("a tar that is %s", async (_kind, script) => {
    sh(make);
    const tar = sh(script);
    const id = ingested(tar);
    expect(id).toBe(createHash("sha256").update(tar).digest("hex"));
    expect(await layers.openTar(id).bytes()).toBe(tar.length);
    expect((await readAll(id)).equals(tar)).toBe(true);
  });

  test("a sparse file takes the room of its data, above four gigabytes too, and has holes where it had them", async () => {
    sh(
      "mkdir tree; truncate -s 6G tree/huge; printf end | dd of=tree/huge bs=1M seek=5000 conv=notrunc status=none",
    );
    const tar = sh("tar -C tree -cS --format=pax -f - .");
    const id = ingested(tar);
    expect(layers.layerBytes(id)).toBe(6 * 1024 ** 3);
    const kilobytes = Bun.spawnSync(["du", "-sk", `${scratch.path}/root/layers/${id}`]).stdout.toString();
    expect(Number.parseInt(kilobytes, 10)).toBeLessThan(2048);
    expect((await readAll(id)).equals(tar)).toBe(true);
    const [lower] = layers.openLowers([id]);
    if (lower === undefined) throw new Error("a layer was wanted");
    using root = lower.kind === "image" ? openDirectory(".", lower.mount) : openDirectory(lower.path);
    using file = openInRoot(root, "huge", openFlags.readOnly);
    expect(descriptorStatus(file).sizeBytes).toBe(6 * 1024 ** 3);
    const read = (at: number) => Buffer.from(readAt(file, new Uint8Array(5), at)).toString();
    expect([read(0), read(5000 * 1024 ** 2 - 1), read(5000 * 1024 ** 2 + 3)]).toEqual([
      "\0\0\0\0\0",
      "\0end\0",
      "\0\0\0\0\0",
    ]);
    closeLowers([lower]);
  });

  test("what a layer takes on disk is what du finds, to one in a hundred: small files, links and holes too", async () => {
    sh(
      "mkdir -p tree/d; for i in $(seq 1500); do echo $i >tree/d/$i; done; ln tree/d/1 tree/hard; truncate -s 40M tree/sparse; head -c 300000 /dev/urandom >tree/large",
    );
    const id = ingested(sh("tar -C tree -cS --format=pax -f - ."));
    const found = Bun.spawnSync([
      "du",
      "-s",
      "--block-size=1",
      `${scratch.path}/root/layers/${id}`,
    ]).stdout.toString();
    const bytes = Number.parseInt(found, 10);
    expect(Math.abs(layers.layerDiskBytes(id) - bytes) / bytes).toBeLessThan(0.01);
  });

  test("holes beyond the limit are refused in words, and nothing is left", async () => {
    layers.close();
    layers = openOverlayLayerStore({ root: `${scratch.path}/root`, form, limitHoleBytes: 1024 ** 2 });
    sh("mkdir tree; truncate -s 2M tree/zeros");
    const tar = sh("tar -C tree -cS --format=pax -f - .");
    expect(() => ingested(tar)).toThrow("the archive unpacks to more than 1048576 bytes");
    await layers.emptied();
    expect(readdirSync(`${scratch.path}/root/layers`)).toEqual([]);
  });

  test("whiteouts are told as they came", async () => {
    sh("mkdir -p tree/a; : > tree/a/.wh.gone; : > tree/a/.wh..wh..opq; echo x > tree/a/x");
    const tar = sh("tar -C tree -cf - .");
    expect((await readAll(ingested(tar))).equals(tar)).toBe(true);
  });

  test("a layer without a skeleton is told as its tree is, and only if that is what came in", async () => {
    sh("mkdir -p tree; echo x > tree/x");
    const odd = ingested(sh("tar -C tree -cf - ."));
    const directory = `${scratch.path}/root/layers/${odd}`;
    expect(readdirSync(directory)).toContain("tar-skeleton.zst");
    const description = JSON.parse(await Bun.file(`${directory}/layer.json`).text()) as Record<
      string,
      unknown
    >;
    writeFileSync(`${directory}/layer.json`, JSON.stringify({ ...description, tarBytes: undefined }));
    rmSync(`${directory}/tar-skeleton.zst`);
    layers.close();
    layers = openOverlayLayerStore({ root: `${scratch.path}/root`, form });
    const walked: Uint8Array[] = [];
    const code = await (async () => {
      for await (const piece of layers.openTar(odd).read()) walked.push(piece.slice());
    })().then(
      () => "no error",
      (thrown: unknown) => (thrown instanceof TiffinError ? thrown.code : String(thrown)),
    );
    expect(code).toBe("layer.other-tar");
    // What the walk gives is a layer that is told again by walking.
    const canonical = Buffer.concat(walked);
    const id = ingested(canonical);
    expect(await layers.openTar(odd).bytes()).toBe(canonical.length);
    expect((await readAll(id)).equals(canonical)).toBe(true);
  });

  test("an archive that names a file twice is told of at its end", async () => {
    sh("mkdir -p tree; echo first > tree/x");
    const first = sh("tar -C tree -cf - x | head -c 1024");
    sh("echo other > tree/x");
    const id = ingested(Buffer.concat([first, sh("tar -C tree -cf - x")]));
    await expect(readAll(id)).rejects.toMatchObject({ code: "layer.other-tar" });
  });
});

test.each<[string, (path: string) => void]>([
  ["is gone", (path) => unlinkSync(path)],
  ["is shorter", (path) => truncateSync(path, 3)],
  ["is other", (path) => writeFileSync(path, "TEXT.")],
  [
    "is a link that leads out",
    (path) => {
      unlinkSync(path);
      symlinkSync("/etc/passwd", path);
    },
  ],
])("a file of a layer that %s is found when the layer leaves", async (_what, damage) => {
  scratch = temporaryDirectory("layer-tar");
  layers = openOverlayLayerStore({ root: `${scratch.path}/root` });
  sh("mkdir -p tree; echo text > tree/x");
  const id = ingested(sh("tar -C tree -cf - ."));
  const path = `${scratch.path}/root/layers/${id}/diff/x`;
  expect(existsSync(path)).toBe(true);
  damage(path);
  await expect(readAll(id)).rejects.toMatchObject({ code: "layer.other-tar" });
  layers.close();
  scratch[Symbol.dispose]();
});
