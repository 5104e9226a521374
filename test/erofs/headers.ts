/** Archives of very many members, a few of which are in memory at a time. */
import { endOfArchive, headerOf } from "../../src/archive/mod.ts";
import { entryOf, type Member } from "../support/layer-archive.ts";

/** Headers of members without content, several at a time. */
export function* headersOf(count: number, member: (index: number) => Member): Generator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  for (let index = 0; index < count; index += 1) {
    pieces.push(headerOf(entryOf(member(index))));
    if (pieces.length < 128) continue;
    yield Buffer.concat(pieces);
    pieces = [];
  }
  yield Buffer.concat([...pieces, endOfArchive]);
}

/** Files in ten thousand directories. */
export function millionHeaders(): Generator<Uint8Array> {
  return headersOf(1_000_000, (index) => ({
    path: `usr/share/p${Math.floor(index / 100)}/module_${index}.py`,
  }));
}
