/**
 * Users and groups of a root file system, from the bytes of its own /etc/passwd and /etc/group: no C library
 * and no name service of the host or the image is asked. The files are hostile input: the caller caps their size
 * (`accountFileLimitBytes`), and lines that are not of the documented form do not count.
 */
import { TiffinError } from "../lib/errors.ts";

/** A passwd or group file beyond this is refused. */
export const accountFileLimitBytes = 1024 * 1024;

/** The largest id that Docker accepts. */
export const highestId = 2 ** 31 - 1;

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const decoder = new TextDecoder();

function* fieldsOf(bytes: Uint8Array): Generator<string[]> {
  for (const line of decoder.decode(bytes).split("\n")) {
    const trimmed = line.trim();
    // `+` and `-` lines speak to the NIS of the host that wrote them.
    if (trimmed !== "" && !/^[#+-]/.test(trimmed)) yield trimmed.split(":");
  }
}

function parseId(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** Entries of /etc/passwd in file order. */
export function parsePasswd(bytes: Uint8Array): PasswdEntry[] {
  const entries: PasswdEntry[] = [];
  for (const [name, , uidText, gidText, , home, shell] of fieldsOf(bytes)) {
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    if (name === undefined || name === "" || uid === undefined || gid === undefined) continue;
    entries.push({ name, uid, gid, home: home ?? "", shell: shell ?? "" });
  }
  return entries;
}

/** Entries of /etc/group in file order. */
export function parseGroup(bytes: Uint8Array): GroupEntry[] {
  const entries: GroupEntry[] = [];
  for (const [name, , gidText, members] of fieldsOf(bytes)) {
    const gid = parseId(gidText);
    if (name === undefined || name === "" || gid === undefined) continue;
    entries.push({ name, gid, members: (members ?? "").split(",").filter((member) => member !== "") });
  }
  return entries;
}

/** Who a process runs as. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group too: a file may take rights from a group, and who is not a member would keep them (CVE-2022-36109). */
  readonly additionalGids: readonly number[];
  /** For HOME; `/` for a user without an entry. */
  readonly home: string;
}

function outOfRange(): TiffinError {
  return new TiffinError("invalid", "user.out-of-range", `uids and gids must be in range 0-${highestId}`);
}

/** A number in a user or group word: digits are always an id, never a name. Throws when it is out of range. */
function numericId(word: string): number | undefined {
  if (!/^-?\d+$/.test(word)) return undefined;
  const id = Number(word);
  if (id < 0 || id > highestId) throw outOfRange();
  return id;
}

/**
 * Docker's `user[:group]`: names or numbers, each may be missing. Without a group the user's entry gives it (0
 * without an entry) together with the groups that list the user; with a group there are no others but `added`, the words of
 * `--group-add`. Throws `TiffinError` `invalid` in Docker's words.
 */
export function resolveUser(
  specification: string,
  added: readonly string[],
  passwd: readonly PasswdEntry[],
  groups: readonly GroupEntry[],
): ResolvedUser {
  const colon = specification.indexOf(":");
  const userWord = colon < 0 ? specification : specification.slice(0, colon);
  const groupWord = colon < 0 ? "" : specification.slice(colon + 1);
  const wantedUid = userWord === "" ? 0 : numericId(userWord);
  const entry = passwd.find((each) =>
    wantedUid === undefined ? each.name === userWord : each.uid === wantedUid,
  );
  if (entry === undefined && wantedUid === undefined) {
    throw new TiffinError(
      "invalid",
      "user.unknown",
      `unable to find user ${userWord}: no matching entries in passwd file`,
      { remedy: "name a user of the image's /etc/passwd, or a number, which needs no entry" },
    );
  }
  const uid = entry?.uid ?? wantedUid ?? 0;
  if (uid > highestId) throw outOfRange();
  const gid = groupWord === "" ? (entry?.gid ?? 0) : resolveGroup(groupWord, groups);
  const listing = groups.filter(({ members }) => entry !== undefined && members.includes(entry.name));
  const others = groupWord === "" ? listing.map((group) => group.gid) : [];
  const wanted = added.map((word) => resolveGroup(word, groups));
  return {
    uid,
    gid,
    additionalGids: [...new Set([gid, ...others, ...wanted])],
    home: entry === undefined || entry.home === "" ? "/" : entry.home,
  };
}

/** A group's id by name or number; a number needs no entry. Throws `TiffinError` `invalid` in Docker's words. */
export function resolveGroup(word: string, groups: readonly GroupEntry[]): number {
  const wanted = numericId(word);
  const entry = groups.find((each) => (wanted === undefined ? each.name === word : each.gid === wanted));
  const gid = entry?.gid ?? wanted;
  if (gid === undefined) {
    throw new TiffinError(
      "invalid",
      "group.unknown",
      `unable to find group ${word}: no matching entries in group file`,
      { remedy: "name a group of the image's /etc/group, or a number, which needs no entry" },
    );
  }
  if (gid > highestId) throw outOfRange();
  return gid;
}
