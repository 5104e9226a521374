/**
 * Looks into a container's file system without mounting it: finds a path in a stack of overlay directories as
 * overlayfs would (whiteouts, opaque directories, symbolic links, all inside the stack). For containers whose
 * processes do not run, so nothing changes underneath; a running one is looked into through its own root.
 */
import { type BigIntStats, lstatSync, readlinkSync } from "node:fs";
import { cString, trySyscall } from "../../kernel/syscall.ts";

export interface LayerEntry {
  /** The directories that overlayfs merges here, uppermost first; for anything else the one place that counts. */
  readonly places: readonly string[];
  readonly stats: BigIntStats;
}

/** As the kernel: more symbolic links than this on one path are a loop. */
const longestLinkChain = 40;

function statsOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

const opaqueAttribute = cString("trusted.overlay.opaque");

function isOpaque(directory: string): boolean {
  const value = new Uint8Array(4);
  return (
    trySyscall("lgetxattr", cString(directory), opaqueAttribute, value, value.length) > 0 && value[0] === 0x79
  );
}

/** The entry `name` of the merged directory `places`; undefined when there is none. */
export function mergedEntry(places: readonly string[], name: string): LayerEntry | undefined {
  const directories: string[] = [];
  let first: BigIntStats | undefined;
  for (const place of places) {
    const path = `${place}/${name}`;
    const stats = statsOf(path);
    if (stats === undefined) continue;
    if (stats.isCharacterDevice() && stats.rdev === 0n) break;
    if (!stats.isDirectory()) {
      if (first === undefined) return { places: [path], stats };
      // A directory above hides everything below that is not one.
      break;
    }
    first ??= stats;
    directories.push(path);
    if (isOpaque(path)) break;
  }
  return first === undefined ? undefined : { places: directories, stats: first };
}

/** Finds an absolute path, following symbolic links inside the stack. `layers` are uppermost first. */
export function lookUp(layers: readonly string[], path: string): LayerEntry | undefined {
  let links = 0;
  const trail: LayerEntry[] = [];
  const pending = path.split("/").reverse();
  const root = (): LayerEntry | undefined => {
    const stats = statsOf(layers[0] ?? "");
    return stats === undefined ? undefined : { places: layers, stats };
  };
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      trail.pop();
      continue;
    }
    const parent = trail.at(-1) ?? root();
    if (parent === undefined || !parent.stats.isDirectory()) return undefined;
    const entry = mergedEntry(parent.places, name);
    if (entry === undefined) return undefined;
    if (!entry.stats.isSymbolicLink()) {
      trail.push(entry);
      continue;
    }
    links += 1;
    if (links > longestLinkChain) return undefined;
    const target = readlinkSync(entry.places[0] ?? "");
    if (target.startsWith("/")) trail.length = 0;
    pending.push(...target.split("/").reverse());
  }
  return trail.at(-1) ?? root();
}
