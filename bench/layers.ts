/** How fast a layer's tar becomes an image or a directory, and how fast images become a root. In this process, without an engine. */
import { mkdirSync, rmSync } from "node:fs";
import { endOfArchive, headerOf, padding } from "../src/archive/mod.ts";
import {
  closeLowers,
  type LayerForm,
  type LayerStore,
  openOverlayLayerStore,
} from "../src/engine/layer/mod.ts";
import { openDirectory } from "../src/kernel/files.ts";
import { mountImage } from "../src/kernel/image-mount.ts";
import { inPrivateMounts } from "../src/kernel/private-mounts.ts";
import { cString, syscall } from "../src/kernel/syscall.ts";
import { tarEntry } from "./images/content.ts";
import { median } from "./timing.ts";

const pieceBytes = 64 * 1024;
const mebibyte = 1024 * 1024;
const image: LayerForm = { kind: "image", way: "file", attached: false };

/** Files of sizes as in an image of a distribution: many small, few large. */
function archive(files: number, totalBytes: number): Uint8Array {
  const content = new Uint8Array(16 * mebibyte);
  for (let at = 0; at < content.length; at += 65_536)
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  const small = Math.floor(files * 0.9);
  const smallBytes = Math.floor((totalBytes * 0.2) / small);
  const largeBytes = Math.floor((totalBytes * 0.8) / (files - small));
  const pieces: Uint8Array[] = [];
  for (let index = 0; index < files; index += 1) {
    const bytes = index % 10 === 9 ? largeBytes : smallBytes;
    const path = `usr/lib/package${Math.floor(index / 50)}/file${index}`;
    pieces.push(headerOf(tarEntry(path, bytes)), content.subarray(index % 4096, (index % 4096) + bytes));
    pieces.push(padding(bytes));
  }
  return Buffer.concat([...pieces, endOfArchive]);
}

function ingest(store: LayerStore, bytes: Uint8Array): { readonly id: string; readonly ms: number } {
  const began = performance.now();
  using coming = store.ingest();
  for (let at = 0; at < bytes.length; at += pieceBytes) coming.push(bytes.subarray(at, at + pieceBytes));
  const { id } = coming.finish();
  return { id, ms: performance.now() - began };
}

function timesOf(rounds: number, work: () => number): number {
  return median(Array.from({ length: rounds }, work));
}

async function benchWriting(scratch: string): Promise<void> {
  const cases = [
    ["7,000 files, 250 MB", archive(7000, 250e6)],
    ["20,000 empty files", archive(20_000, 0)],
  ] as const;
  for (const [what, bytes] of cases) {
    const files = what.startsWith("7") ? 7000 : 20_000;
    for (const form of [image, { kind: "directory" }] as const) {
      const root = `${scratch}/layers-${form.kind}`;
      const store = openOverlayLayerStore({ root, form });
      const times: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const { id, ms } = ingest(store, bytes);
        times.push(ms);
        store.removeLayer(id);
        await store.emptied();
      }
      store.close();
      rmSync(root, { recursive: true, force: true });
      const ms = median(times);
      const rate = `${(bytes.length / 1e3 / ms).toFixed(0)} MB/s, ${((files / ms) * 1000).toFixed(0)} entries/s`;
      console.log(`  ${what} -> ${form.kind}: ${ms.toFixed(0)} ms (${rate})`);
    }
  }
}

function benchMounting(scratch: string): void {
  const root = `${scratch}/layers-mounted`;
  const store = openOverlayLayerStore({ root, form: image });
  const ids = Array.from({ length: 40 }, (_, index) => {
    return ingest(store, Buffer.concat([headerOf(tarEntry(`file${index}`, 0)), endOfArchive])).id;
  });
  const paths = store.lowerPaths(ids);
  // An overlay that cannot be written wants two layers at least.
  const below = `${scratch}/below`;
  mkdirSync(below);
  using fds = openDirectory("/proc/self/fd");
  for (const count of [1, 10, 40]) {
    const first = timesOf(20, () => {
      const began = performance.now();
      using mounts = new DisposableStack();
      for (const path of paths.slice(0, count)) mounts.use(mountImage(path, "file"));
      return performance.now() - began;
    });
    const chain = ids.slice(0, count);
    closeLowers(store.openLowers(chain));
    const overlay = timesOf(20, () => {
      const lowers = store.openLowers(chain);
      const numbers = lowers.map((lower) => (lower.kind === "image" ? lower.mount.raw : -1)).join(":");
      let ms = 0;
      inPrivateMounts(() => {
        const began = performance.now();
        const type = cString("overlay");
        syscall("mount", "overlay", type, cString(scratch), type, 0, cString(`lowerdir=${numbers}:${below}`));
        ms = performance.now() - began;
      }, fds);
      closeLowers(lowers);
      return ms;
    });
    console.log(`  ${count} layers: mounted in ${first.toFixed(2)} ms, joined in ${overlay.toFixed(2)} ms`);
  }
  store.close();
}

export async function benchLayers(scratch: string): Promise<void> {
  await benchWriting(scratch);
  benchMounting(scratch);
}
