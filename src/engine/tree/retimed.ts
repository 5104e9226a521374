/** A tar with other times, and otherwise as it is. */
import { endOfArchive, headerOf, padding, tarMembers } from "../../archive/mod.ts";

/** A piece is valid until the next one is asked for. Errors: `archive.malformed`, and those of the source. */
export async function* retimed(
  source: AsyncIterable<Uint8Array>,
  timeOf: (ns: bigint) => bigint,
): AsyncGenerator<Uint8Array> {
  for await (const { entry, content } of tarMembers(source)) {
    const { segments: _segments, ...whole } = entry;
    yield headerOf({ ...whole, modifiedAtNs: timeOf(entry.modifiedAtNs) });
    yield* content;
    yield padding(entry.sizeBytes);
  }
  yield endOfArchive;
}
