/**
 * Fills a new volume with what the image has at the volume's place, owners and modes included, as Docker does. Reads
 * the unmounted layers; the target is a new directory that nobody else uses yet.
 */
import {
  chmodSync,
  copyFileSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { type LayerEntry, lookUp, mergedEntry } from "./layer-view.ts";

const permissionBits = 0o7777;

/** Copies the directory at `path` of the layers (uppermost first) into `target`; nothing when there is none. */
export function copyFromLayers(layers: readonly string[], path: string, target: string): void {
  const entry = lookUp(layers, path);
  if (entry?.stats.isDirectory() === true) copyDirectory(entry, target);
}

function copyDirectory(directory: LayerEntry, target: string): void {
  const names = new Set<string>();
  for (const place of directory.places) for (const name of readdirSync(place)) names.add(name);
  for (const name of names) {
    const entry = mergedEntry(directory.places, name);
    if (entry !== undefined) copyEntry(entry, `${target}/${name}`);
  }
  copyAttributes(directory, target);
}

function copyEntry(entry: LayerEntry, target: string): void {
  const { stats } = entry;
  const source = entry.places[0] ?? "";
  if (stats.isDirectory()) {
    mkdirSync(target);
    copyDirectory(entry, target);
  } else if (stats.isFile()) {
    copyFileSync(source, target);
    copyAttributes(entry, target);
  } else if (stats.isSymbolicLink()) {
    symlinkSync(readlinkSync(source), target);
    lchownSync(target, Number(stats.uid), Number(stats.gid));
  }
  // Sockets, pipes and devices in an image are not data.
}

function copyAttributes(entry: LayerEntry, target: string): void {
  const { stats } = entry;
  lchownSync(target, Number(stats.uid), Number(stats.gid));
  // After the owner: chown clears set-id bits.
  chmodSync(target, Number(stats.mode) & permissionBits);
  utimesSync(target, Number(stats.atimeMs) / 1000, Number(stats.mtimeMs) / 1000);
}
