/** The static executor, embedded in the compiled program (from sources: the file that the build made). */
import { readFileSync } from "node:fs";
import path from "../../executor/build/tiffin-executor" with { type: "file" };

export function executorBinary(): Uint8Array {
  return readFileSync(path);
}
