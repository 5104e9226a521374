/** Files of this machine as a tar stream. Links are taken as what they are. */
import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from "node:fs";
import {
  endOfArchive,
  headerOf,
  padding,
  storedBytes,
  type TarEntry,
  type TarEntryType,
  type TarSegment,
} from "../archive/mod.ts";
import { Pieces } from "../lib/pieces.ts";

/** Of `st_blocks`, whatever the file system's own are. */
const statBlockBytes = 512n;

/** Of an entry: all of it, with what is below, or itself alone. */
export type LeftOut = "nothing" | "itself" | "all";

/** What Node's files do not tell, for who has other doors. Of a file whose name has become another's meanwhile it tells nothing. */
export interface FileDetails {
  /** Extended attributes by name. */
  attributes(path: string): ReadonlyMap<string, Uint8Array>;
  /** Where a file holds data; undefined: everywhere, or in too many places to say. */
  stretches(path: string): readonly TarSegment[] | undefined;
}

const noDetails: FileDetails = { attributes: () => new Map(), stretches: () => undefined };

/**
 * `path` and all below it, called `name` in the archive; without a name what is in it. A file that shrinks while it is read is
 * filled up with zeros, one that grows is cut, so that the archive stays whole. A piece is valid until the next one is asked for.
 */
export async function* packHost(
  path: string,
  name: string | undefined,
  onBytes: (bytes: number) => void,
  leavesOut: (name: string, isDirectory: boolean) => LeftOut = () => "nothing",
  details: FileDetails = noDetails,
): AsyncGenerator<Uint8Array> {
  const seen = new Map<string, string>();
  const pieces = new Pieces("reused");
  function* visit(at: string, called: string): Generator<Uint8Array> {
    const stat = lstatSync(at, { bigint: true });
    const entry = entryOf(at, called, stat, { seen, details });
    if (entry === undefined) return;
    const out = leavesOut(called, entry.type === "directory");
    if (out === "all") return;
    if (out === "nothing") yield* pieces.write(headerOf(entry));
    if (entry.type === "file") yield* content(pieces, at, entry, onBytes);
    if (entry.type === "directory") yield* below(at, called);
  }
  function* below(at: string, called: string): Generator<Uint8Array> {
    for (const child of readdirSync(at).sort())
      yield* visit(`${at}/${child}`, called === "" ? child : `${called}/${child}`);
  }
  if (name === undefined) yield* below(path, "");
  else yield* visit(path, name);
  yield* pieces.write(endOfArchive);
  yield* pieces.end();
}

function typeOf(stat: BigIntStats): TarEntryType | undefined {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isCharacterDevice()) return "character";
  if (stat.isBlockDevice()) return "block";
  // Sockets are of the process that listens.
  return stat.isFIFO() ? "fifo" : undefined;
}

/** Undefined for what no archive holds. */
function entryOf(
  path: string,
  name: string,
  stat: BigIntStats,
  { seen, details }: { readonly seen: Map<string, string>; readonly details: FileDetails },
): TarEntry | undefined {
  const type = typeOf(stat);
  if (type === undefined) return undefined;
  const device = Number(stat.rdev);
  const base = {
    path: name,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    modifiedAtNs: stat.mtimeNs,
    deviceMajor: (device >> 8) & 0xfff,
    deviceMinor: (device & 0xff) | ((device >> 12) & 0xfff00),
    attributes: type === "symlink" ? new Map<string, Uint8Array>() : details.attributes(path),
  };
  if (type === "file" && stat.nlink > 1n) {
    const key = `${stat.dev} ${stat.ino}`;
    const first = seen.get(key);
    if (first !== undefined) return { ...base, type: "hardLink", sizeBytes: 0, linkTarget: first };
    seen.set(key, name);
  }
  const linkTarget = type === "symlink" ? readlinkSync(path) : "";
  const sizeBytes = type === "file" ? Number(stat.size) : 0;
  const segments = stat.blocks * statBlockBytes < BigInt(sizeBytes) ? details.stretches(path) : undefined;
  const isSparse = segments?.every(({ atBytes, bytes }) => atBytes + bytes <= sizeBytes) === true;
  return { ...base, type, sizeBytes, linkTarget, ...(isSparse && { segments }) };
}

function* content(
  pieces: Pieces,
  path: string,
  entry: TarEntry,
  onBytes: (bytes: number) => void,
): Generator<Uint8Array> {
  const stored = storedBytes(entry);
  if (stored === 0) return;
  const fd = openSync(path, constants.O_NOFOLLOW);
  try {
    for (const stretch of entry.segments ?? [{ atBytes: 0, bytes: stored }])
      yield* stretchOf(pieces, fd, stretch, onBytes);
  } finally {
    closeSync(fd);
  }
  yield* pieces.write(padding(stored));
}

function* stretchOf(
  pieces: Pieces,
  fd: number,
  { atBytes, bytes }: TarSegment,
  onBytes: (bytes: number) => void,
): Generator<Uint8Array> {
  let hasEnded = false;
  for (let done = 0; done < bytes; ) {
    const room = pieces.room(bytes - done);
    const got: number = hasEnded ? 0 : readSync(fd, room, 0, room.length, atBytes + done);
    // It has shrunk: its rest is zeros.
    hasEnded ||= got === 0;
    if (hasEnded) room.fill(0);
    const used = hasEnded ? room.length : got;
    done += used;
    onBytes(used);
    yield* pieces.advance(used);
  }
}
