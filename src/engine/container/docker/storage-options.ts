/** `--storage-opt`: of the options that Docker's storage drivers have, the one that its overlays have too. */
import { refuse } from "../specification/mod.ts";

const sizePattern = /^(\d{1,15}(?:\.\d{1,15})?) ?([kmgtp]?)i?b?$/i;
const powers = ["", "k", "m", "g", "t", "p"];
const kibi = 1024;

/** How many bytes the container may write; undefined without a limit. */
export function storageBytesOf(options: Readonly<Record<string, string>> | undefined): number | undefined {
  let bytes: number | undefined;
  for (const [key, value] of Object.entries(options ?? {})) {
    if (key.toLowerCase() !== "size") refuse("storage-option", `Unknown option ${key}: wanted size=BYTES`);
    const [, number = "", unit = ""] = sizePattern.exec(value) ?? [];
    if (number === "") refuse("storage-size", `invalid size: '${value}'`);
    bytes = Math.trunc(Number(number) * kibi ** powers.indexOf(unit.toLowerCase()));
  }
  return bytes;
}
