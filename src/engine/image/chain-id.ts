/** The names of layers as parts of a stack. (OCI image specification, config.md, "Layer ChainID") */
import { createHash } from "node:crypto";

/** One per layer of `chain` (diff ids without algorithm, lowest first), without algorithm too. */
export function chainIds(chain: readonly string[]): string[] {
  const ids: string[] = [];
  for (const layer of chain) {
    const below = ids.at(-1);
    const id =
      below === undefined
        ? layer
        : createHash("sha256").update(`sha256:${below} sha256:${layer}`).digest("hex");
    ids.push(id);
  }
  return ids;
}
