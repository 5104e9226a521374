import type { ContentMemory } from "../content-memory.ts";
import type { DirectoryMemory } from "../in-place/mod.ts";

/** What remembers the content of files that have not changed. */
export interface TreeMemory {
  readonly files?: ContentMemory;
  readonly directories?: DirectoryMemory;
}
