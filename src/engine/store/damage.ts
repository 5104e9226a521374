/** Tells a database that is no longer one from one that a newer Tiffin wrote, before SQLite touches either. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { messageOf, TiffinError } from "../../lib/errors.ts";

const magic = Buffer.from("SQLite format 3\0", "latin1");
const versionOffset = 60;
/** A write-ahead log begins with one of these, whose last bit says in which byte order its checksums are. */
const walMagics: readonly number[] = [0x377f0682, 0x377f0683];

/** Whatever is wrong with the state at `path`: the same way out for all of it. */
export function damaged(path: string, finding: string, cause?: unknown): TiffinError {
  return new TiffinError("internal", "store.damaged", `the engine's state ${path} is damaged: ${finding}`, {
    remedy:
      `nothing was deleted, and running containers go on; move ${path} and ${path}-wal elsewhere and start again: ` +
      "containers and volumes are then found by their own directories",
    cause,
  });
}

/** Whether SQLite says by `thrown` that the file is not what it wrote. */
export function tellsOfDamage(thrown: unknown): boolean {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  return code.startsWith("SQLITE_CORRUPT") || code.startsWith("SQLITE_NOTADB");
}

/** Runs `work`; what SQLite says of a damaged file gets the file's name and the way out. */
export function namingDamage<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (tellsOfDamage(thrown)) throw damaged(path, messageOf(thrown), thrown);
    throw thrown;
  }
}

/** The first `length` bytes of a file, fewer if it is shorter, none if it is not there; and how long it is. */
function headOf(path: string, length: number): { readonly head: Buffer; readonly bytes: number } {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return { head: Buffer.alloc(0), bytes: 0 };
  }
  try {
    const head = Buffer.alloc(length);
    return { head: head.subarray(0, readSync(fd, head, 0, length, 0)), bytes: fstatSync(fd).size };
  } finally {
    closeSync(fd);
  }
}

export interface FoundDatabase {
  /** Nothing is there yet, or nothing any more. */
  readonly empty: boolean;
  /** The schema version in the file's header; 0 for none. */
  readonly version: number;
}

/** Looks at the head of the database file, without SQLite. Errors: `store.damaged`. */
export function inspectDatabase(path: string): FoundDatabase {
  const { head, bytes } = headOf(path, versionOffset + 4);
  if (bytes === 0) return { empty: true, version: 0 };
  if (!head.subarray(0, magic.length).equals(magic.subarray(0, head.length))) {
    throw damaged(path, "it does not begin as a database does");
  }
  if (head.length < versionOffset + 4) throw damaged(path, `it has been cut off after ${bytes} bytes`);
  return { empty: false, version: head.readUInt32BE(versionOffset) };
}

/** Whether the write-ahead log of the database was overwritten: then SQLite passes over all that is in it. */
export function isLogOverwritten(path: string): boolean {
  const { head } = headOf(`${path}-wal`, 4);
  if (head.length < 4 || walMagics.includes(head.readUInt32BE(0))) return false;
  return head.some((byte) => byte !== 0);
}
