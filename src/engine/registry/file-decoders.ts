/** Decoders of what other programs' files say about registries. */
import { decoderKit } from "../../lib/decoders.ts";

export const { closed, text, list, flag, mapOf } = decoderKit({
  code: "registry.bad-configuration",
  whole: "document",
  shownLength: 60,
  limitElements: 10_000,
  allowsNul: false,
  nullIsEmpty: false,
});
