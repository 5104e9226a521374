/**
 * Identifiers. The random bytes come from the global Web Crypto object: loading `node:crypto` would cost a short
 * command half of its time.
 */

/** `count` random bytes as lowercase hex digits. */
function randomDigits(count: number): string {
  return crypto.getRandomValues(new Uint8Array(count)).toHex();
}

/**
 * A new identifier in Docker's shape: 64 lowercase hex digits. Its short form has a letter: it becomes a hostname, and a
 * name of digits alone is taken for a malformed address by resolvers.
 */
export function newId(): string {
  for (;;) {
    const id = randomDigits(32);
    if (isUsableId(id)) return id;
  }
}

/** False when the short form of `id` is a number. */
export function isUsableId(id: string): boolean {
  return /[a-f]/.test(shortId(id));
}

/** The 12 digits that tables show. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** `length` random lowercase hex digits, for names that only have to be unique on this host. */
export function randomHex(length: number): string {
  return randomDigits(Math.ceil(length / 2)).slice(0, length);
}
