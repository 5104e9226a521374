/** Which directory of the engine's a cache mount is: by its id, and by what it begins with where that is said. */
import { beginningOf } from "./cache-beginning.ts";
import { cacheMountName } from "./cache-mounts.ts";
import type { SolvedStep } from "./solver.ts";
import type { StepContext } from "./step-context.ts";
import { emptyTree } from "./tree.ts";

/** Those of all steps, each once, whether they were done or found. */
export async function cacheMountNames(
  step: StepContext,
  solved: readonly SolvedStep[],
): Promise<ReadonlySet<string>> {
  const trees = new Map(solved.map(({ vertex, tree }) => [vertex.digest, tree]));
  const names = new Set<string>();
  for (const { vertex } of solved) {
    const { operation, inputs } = vertex;
    if (operation.kind !== "run") continue;
    for (const mount of operation.mounts) {
      if (mount.kind !== "cache") continue;
      const input = inputs[mount.input]?.vertex.digest ?? "";
      names.add(cacheMountName(mount, await beginningOf(step, trees.get(input) ?? emptyTree, mount.source)));
    }
  }
  return names;
}
