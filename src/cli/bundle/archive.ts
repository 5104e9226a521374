/** A small tar of texts, compressed. */
import { emptyFile, endOfArchive, headerOf, padding } from "../../archive/mod.ts";

const readableByOwner = 0o600;
const encoder = new TextEncoder();

export function textArchive(
  directory: string,
  files: ReadonlyMap<string, string>,
  atMs: number,
): Uint8Array<ArrayBuffer> {
  const parts = [...files].flatMap(([name, text]) => {
    const content = encoder.encode(text);
    const entry = {
      ...emptyFile,
      path: `${directory}/${name}`,
      mode: readableByOwner,
      sizeBytes: content.length,
      modifiedAtNs: BigInt(Math.floor(atMs / 1000)) * 1_000_000_000n,
    };
    return [headerOf(entry), content, padding(content.length)];
  });
  return Bun.gzipSync(new Uint8Array(Buffer.concat([...parts, endOfArchive])));
}
