/**
 * Identifiers. The random bytes come from the global Web Crypto object: loading `node:crypto` would cost a short
 * command half of its time.
 */

/** `count` random bytes as lowercase hex digits. */
function randomDigits(count: number): string {
  return crypto.getRandomValues(new Uint8Array(count)).toHex();
}

/** A new identifier in Docker's shape: 64 lowercase hex digits. */
export function newId(): string {
  return randomDigits(32);
}

/** The 12 digits that tables show. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** `length` random lowercase hex digits, for names that only have to be unique on this host. */
export function randomHex(length: number): string {
  return randomDigits(Math.ceil(length / 2)).slice(0, length);
}
