/** Archives of layers for tests, member by member. */
import { endOfArchive, headerOf, padding, type TarEntry } from "../../src/archive/mod.ts";

export type Member = Partial<TarEntry> &
  Pick<TarEntry, "path"> & { readonly content?: string | Uint8Array; readonly has?: Record<string, string> };

const encoder = new TextEncoder();

/** Defaults: a file that root may write and all may read, of a time with nanoseconds. */
export function entryOf({ content, has, ...given }: Member): TarEntry {
  const bytes = bytesOf(content);
  return {
    type: "file",
    mode: given.type === "directory" ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: bytes.length,
    modifiedAtNs: 1_700_000_000_123_456_789n,
    linkTarget: "",
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: new Map(Object.entries(has ?? {}).map(([name, value]) => [name, encoder.encode(value)])),
    ...given,
  };
}

function bytesOf(content: string | Uint8Array | undefined): Uint8Array {
  return typeof content === "string" ? encoder.encode(content) : (content ?? new Uint8Array(0));
}

export function archiveOf(members: readonly Member[]): Uint8Array {
  return Buffer.concat([...piecesOf(members)]);
}

/** The same for archives that are better not held in memory. */
export function* piecesOf(members: Iterable<Member>): Generator<Uint8Array> {
  for (const member of members) {
    const content = bytesOf(member.content);
    yield headerOf(entryOf(member));
    if (content.length === 0) continue;
    yield content;
    yield padding(content.length);
  }
  yield endOfArchive;
}
