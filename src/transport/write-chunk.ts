/** Pieces of a body in chunks (RFC 9112 section 7.1). An empty piece would end the body, so it must not come here. */
const encoder = new TextEncoder();
const lineEnd = encoder.encode("\r\n");
/** To copy more than this costs more than to write thrice. */
const limitCopiedBytes = 16 * 1024;

/** What is to be sent for a piece, one after another: a large one is not copied. */
export function chunkParts(piece: Uint8Array): readonly Uint8Array[] {
  const size = encoder.encode(`${piece.length.toString(16)}\r\n`);
  return piece.length <= limitCopiedBytes ? [Buffer.concat([size, piece, lineEnd])] : [size, piece, lineEnd];
}

/** Writes a piece in its chunk; the answer is that of the last `write`. */
export function writeChunk(duplex: { write(bytes: Uint8Array): boolean }, piece: Uint8Array): boolean {
  let more = true;
  for (const part of chunkParts(piece)) more = duplex.write(part);
  return more;
}
