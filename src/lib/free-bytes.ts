/**
 * Frees memory that nobody will look at again, now: the garbage collector hardly sees it, and would let tens of megabytes lie
 * around of what flows through. Bytes that are a part of something larger stay.
 */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.length === buffer.byteLength) buffer.transfer(0);
}
