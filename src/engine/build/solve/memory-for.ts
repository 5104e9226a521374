import type { StepContext } from "./step-context.ts";
import { isLive, type Tree } from "./tree.ts";
import type { TreeMemory } from "./tree-memory.ts";

/** Of a directory; the times in a layer are those that its image says. */
export function memoryFor({ services }: Pick<StepContext, "services">, tree: Tree): TreeMemory {
  if (tree.kind !== "directory") return {};
  return isLive(tree) ? { directories: services.directories } : { files: services.contents };
}
