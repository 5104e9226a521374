import { randomBytes } from "node:crypto";

/** A new identifier in Docker's shape: 64 lowercase hex digits. */
export function newId(): string {
  return randomBytes(32).toString("hex");
}

/** The 12 digits that tables show. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** `length` random lowercase hex digits, for names that only have to be unique on this host. */
export function randomHex(length: number): string {
  return randomBytes(Math.ceil(length / 2))
    .toString("hex")
    .slice(0, length);
}
