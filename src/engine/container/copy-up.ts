/**
 * Fills an empty volume with what the image has at the volume's place, as Docker does: owners, modes, times, extended
 * attributes, and links as links. Reads the unmounted layers; the target is a directory that nobody else can reach. In
 * slices of a few milliseconds, since an image may have any number of files there.
 */
import {
  chmodSync,
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { copyAttributes as copyExtendedAttributes } from "../../kernel/extended-attributes.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { pause } from "../../lib/timer.ts";
import { type LayerEntry, lookUp, mergedEntry } from "./layer-view.ts";

const permissionBits = 0o7777;
const sliceMs = 4;
/** A copy of more than this takes long enough to be worth another thread. */
const largeBytes = 256n << 10n;
/** overlayfs's own notes on a directory say nothing about its content. */
const isContent = (name: string): boolean => !/^(trusted|user)\.overlay\./.test(name);

/** Copies the directory at `path` of the layers (uppermost first) into `target`; nothing when there is none. */
export async function copyFromLayers(layers: readonly string[], path: string, target: string): Promise<void> {
  const entry = lookUp(layers, path);
  if (entry?.stats.isDirectory() === true) await new TreeCopy().directory(entry, target);
}

class TreeCopy {
  /** Where a file with several names has been copied to, by its identity. */
  readonly #copied = new Map<string, string>();
  #sliceStartMs = monotonicMs();

  async directory(directory: LayerEntry, target: string): Promise<void> {
    const names = new Set<string>();
    for (const place of directory.places) for (const name of readdirSync(place)) names.add(name);
    for (const name of names) {
      const entry = mergedEntry(directory.places, name);
      if (entry !== undefined) await this.#entry(entry, `${target}/${name}`);
      if (monotonicMs() - this.#sliceStartMs < sliceMs) continue;
      await pause(0);
      this.#sliceStartMs = monotonicMs();
    }
    copyAttributes(directory, target);
  }

  async #entry(entry: LayerEntry, target: string): Promise<void> {
    const { stats } = entry;
    const source = entry.places[0] ?? "";
    if (stats.isDirectory()) {
      mkdirSync(target);
      await this.directory(entry, target);
    } else if (stats.isFile()) {
      if (this.#isLinked(entry, target)) return;
      if (stats.size > largeBytes) await copyFile(source, target);
      else copyFileSync(source, target);
      copyAttributes(entry, target);
    } else if (stats.isSymbolicLink()) {
      symlinkSync(readlinkSync(source), target);
      lchownSync(target, Number(stats.uid), Number(stats.gid));
    }
    // Sockets, pipes and devices in an image are not data.
  }

  /** Another name of a file that has been copied already becomes another name of the copy. */
  #isLinked({ stats }: LayerEntry, target: string): boolean {
    if (stats.nlink < 2n) return false;
    const identity = `${stats.dev}:${stats.ino}`;
    const first = this.#copied.get(identity);
    if (first === undefined) {
      this.#copied.set(identity, target);
      return false;
    }
    linkSync(first, target);
    return true;
  }
}

function copyAttributes(entry: LayerEntry, target: string): void {
  const { stats, places } = entry;
  lchownSync(target, Number(stats.uid), Number(stats.gid));
  // After the owner: chown clears set-id bits, and capabilities.
  chmodSync(target, Number(stats.mode) & permissionBits);
  copyExtendedAttributes(places[0] ?? "", target, isContent);
  utimesSync(target, Number(stats.atimeMs) / 1000, Number(stats.mtimeMs) / 1000);
}
