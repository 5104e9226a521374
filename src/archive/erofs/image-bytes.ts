/** An image file as bytes at offsets, for readers who trust nothing in it: whatever it names is looked up here or refused. */
import { TiffinError } from "../../lib/errors.ts";

/** Where an image comes from. */
export interface ImageSource {
  readonly sizeBytes: number;
  /** Fewer bytes than asked for only at the end. A view that is valid until the next call. */
  read(offset: number, bytes: number): Uint8Array;
}

export function brokenImage(what: string): TiffinError {
  return new TiffinError("invalid", "archive.bad-image", `not an EROFS image, or a damaged one: ${what}`);
}

/** `bytes` at `offset`, all of them. Throws `archive.bad-image` when they lie outside. */
export function bytesAt(source: ImageSource, offset: number, bytes: number, what: string): Uint8Array {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes > source.sizeBytes) {
    throw brokenImage(`${what} lies outside of it`);
  }
  const found = source.read(offset, bytes);
  if (found.length !== bytes) throw brokenImage(`${what} lies behind its end`);
  return found;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sixty-four bits without a sign; what no file has is refused. */
export function wideAt(view: DataView, at: number, what: string): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw brokenImage(`${what} is ${value}`);
  return Number(value);
}
