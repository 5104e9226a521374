/** What ends a compilation until an image is known. */
import type { WantedBase } from "./compile-options.ts";

export class MissingBase extends Error {
  readonly base: WantedBase;

  constructor(base: WantedBase) {
    super(`what ${base.reference} is must be known first`);
    this.base = base;
  }
}
