/** What was built, on its way to where it goes. */
import type { Platform } from "../../../oci/mod.ts";
import type { Image } from "../../image/mod.ts";

export interface BuiltTree {
  readonly platform: Platform;
  readonly chain: readonly string[];
  /** How many of its layers, from the lowest, are those of what it was begun with. */
  readonly baseLayers: number;
  /** The image's document. */
  readonly configuration: Uint8Array;
}

export interface Delivery {
  readonly built: readonly BuiltTree[];
  /** What the client says of times. */
  readonly epochMs: number | undefined;
}

export interface BuiltImage {
  readonly image: Image;
  readonly platform: Platform;
}
