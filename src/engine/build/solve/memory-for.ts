import type { ContentMemory } from "../content-memory.ts";
import type { StepContext } from "./step-context.ts";
import type { Tree } from "./tree.ts";

/** Of a directory of the engine's own; the times in a layer are those that its image says. */
export function memoryFor(step: Pick<StepContext, "services">, tree: Tree): ContentMemory | undefined {
  return tree.kind === "directory" ? step.services.contents : undefined;
}
