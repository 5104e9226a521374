import type { ContentMemory } from "../content-memory.ts";
import type { DirectoryMemory } from "../in-place/mod.ts";
import type { StepContext } from "./step-context.ts";
import { isLive, type Tree } from "./tree.ts";

/** What remembers the content of files that have not changed. */
export interface TreeMemory {
  readonly files?: ContentMemory;
  readonly directories?: DirectoryMemory;
}

/** Of a directory; the times in a layer are those that its image says. */
export function memoryFor({ services }: Pick<StepContext, "services">, tree: Tree): TreeMemory {
  if (tree.kind !== "directory") return {};
  return isLive(tree) ? { directories: services.directories } : { files: services.contents };
}
