/** What a cache mount begins with, as a part of its name. */
import { createHash } from "node:crypto";
import { contentFacts } from "./content-facts.ts";
import { memoryFor } from "./memory-for.ts";
import type { StepContext } from "./step-context.ts";
import { openTree, type Tree } from "./tree.ts";

/** Another text for other content. A directory's path is another one in each build, so it says nothing. */
export async function beginningOf(step: StepContext, tree: Tree, source: string): Promise<string> {
  if (tree.kind === "layers") return tree.chain.join(" ");
  using open = openTree(step.services.layers, tree);
  using found = open.find(source);
  if (found === undefined) return "";
  const facts = await contentFacts([{ path: "", node: found }], memoryFor(step, tree));
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}
