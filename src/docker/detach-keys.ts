/**
 * The key sequence that leaves a terminal without ending what runs in it. Bytes that could be the start of the sequence
 * are held back until the next byte decides; that costs nothing but the echo of the first key, as in Docker.
 */
import { TiffinError } from "../lib/errors.ts";
import { invalidDetachKeys } from "./messages.ts";

export const defaultDetachKeys = "ctrl-p,ctrl-q";

/** `ctrl-p,ctrl-q` or `a,b` as bytes; empty text is the default. `invalid` `stream.detach-keys` when it is not a list of keys. */
export function parseDetachKeys(keys: string): Uint8Array {
  const names = (keys === "" ? defaultDetachKeys : keys).split(",");
  return Uint8Array.from(names, (name) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(name)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (name === "DEL") return 127;
    if (name.length === 1 && name.charCodeAt(0) < 128) return name.charCodeAt(0);
    throw new TiffinError("invalid", "stream.detach-keys", invalidDetachKeys(keys));
  });
}

export interface Watched {
  /** What is to be passed on. */
  readonly pass: Uint8Array;
  /** The sequence is complete; nothing after it is passed on. */
  readonly detached: boolean;
}

/** Watches typed bytes for the sequence. */
export class DetachWatcher {
  readonly #keys: Uint8Array;
  #matched = 0;

  /** @param keys From `parseDetachKeys`. */
  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  push(typed: Uint8Array): Watched {
    if (this.#matched === 0 && !typed.includes(this.#keys[0] ?? -1)) return { pass: typed, detached: false };
    const pass: number[] = [];
    let held = [...this.#keys.subarray(0, this.#matched)];
    for (const byte of typed) {
      held.push(byte);
      // Let go of the oldest bytes until the rest is a beginning of the sequence again.
      while (held.some((kept, index) => kept !== this.#keys[index])) {
        pass.push(...held.slice(0, 1));
        held = held.slice(1);
      }
      if (held.length === this.#keys.length) return { pass: Uint8Array.from(pass), detached: true };
    }
    this.#matched = held.length;
    return { pass: Uint8Array.from(pass), detached: false };
  }
}
