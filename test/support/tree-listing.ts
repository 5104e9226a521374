/** All that a file tree says, as lines that can be compared: one for each name, with what stat(2) and its attributes say. */
import { createHash } from "node:crypto";
import { descriptorStatus, type FileStatus, listDirectory } from "../../src/kernel/directory.ts";
import { attributeNames, readAttribute } from "../../src/kernel/extended-attributes.ts";
import { openFile, openFlags, readLinkOf } from "../../src/kernel/files.ts";
import { readSome } from "../../src/kernel/io.ts";
import type { OwnedFd } from "../../src/kernel/owned-fd.ts";

export interface ListingOptions {
  /** Paths whose time means nothing. */
  readonly anyTime?: (path: string, status: FileStatus) => boolean;
  /** Paths of which nothing is said, with what is below them. */
  readonly without?: (path: string) => boolean;
}

const pieceBytes = 1024 * 1024;

/** Path -> the rest, in order of paths. Names of one inode bear the path that comes first. */
export function listTree(root: OwnedFd, options: ListingOptions = {}): Map<string, string> {
  const lines = new Map<string, string>();
  const firstNames = new Map<bigint, string>();
  const visit = (parent: OwnedFd, name: string, path: string): void => {
    if (options.without?.(path) === true) return;
    using place = openFile(parent, name, openFlags.path | openFlags.noFollow);
    const status = descriptorStatus(place);
    const { type, links } = status;
    const words = [
      `${type} ${status.mode.toString(8)} owner ${status.uid}:${status.gid}`,
      options.anyTime?.(path, status) === true ? "time *" : `time ${status.modifiedAtNs}`,
    ];
    if (type !== "directory") words.push(`links ${links} size ${status.sizeBytes}`);
    if (type !== "directory" && links > 1) {
      const first = firstNames.get(status.inode) ?? path;
      firstNames.set(status.inode, first);
      words.push(`same as ${first}`);
    }
    if (type === "character" || type === "block") {
      words.push(`device ${status.specialMajor}:${status.specialMinor}`);
    }
    if (type === "symlink") words.push(`to ${JSON.stringify(readLinkOf(place))}`);
    if (type === "file") words.push(digestOf(place));
    for (const attribute of attributeNames(place).sort()) {
      words.push(`${attribute}=${Buffer.from(readAttribute(place, attribute) ?? []).toString("hex")}`);
    }
    lines.set(path, words.join(" "));
    if (type !== "directory") return;
    using open = openFile(place, ".", openFlags.readOnly | openFlags.directory);
    const names = listDirectory(open, path).map((entry) => entry.name);
    for (const inner of names.sort()) visit(place, inner, `${path}/${inner}`);
  };
  visit(root, ".", "");
  return lines;
}

function digestOf(place: OwnedFd): string {
  using file = openFile(undefined, `/proc/self/fd/${place.raw}`, openFlags.readOnly);
  const digest = createHash("sha256");
  const piece = new Uint8Array(pieceBytes);
  for (let got = readSome(file, piece); got > 0; got = readSome(file, piece))
    digest.update(piece.subarray(0, got));
  return digest.digest("hex");
}

/** What the two do not say alike, as text. */
export function differences(left: Map<string, string>, right: Map<string, string>): string[] {
  const paths = new Set([...left.keys(), ...right.keys()]);
  return [...paths]
    .filter((path) => left.get(path) !== right.get(path))
    .map((path) => `${JSON.stringify(path)}:\n  ${left.get(path) ?? "-"}\n  ${right.get(path) ?? "-"}`);
}
