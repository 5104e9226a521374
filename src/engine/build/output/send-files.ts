/** All files of the results as one archive. */
import { formatPlatform } from "../../../oci/mod.ts";
import { packTrees, retimed } from "../../tree/mod.ts";
import type { FilesOutput } from "../outputs.ts";
import { openTree, type StepContext } from "../solve/mod.ts";
import type { Delivery } from "./built-tree.ts";

/** Errors: those of who takes it. */
export async function sendFiles(
  step: StepContext,
  { sink, splitPlatforms }: FilesOutput,
  { built, epochMs }: Delivery,
): Promise<void> {
  const split = splitPlatforms ?? built.length > 1;
  using held = new DisposableStack();
  const trees = built.flatMap(({ chain, platform }) => {
    const { view } = held.use(openTree(step.services.layers, { kind: "layers", chain }));
    const name = split ? formatPlatform(platform).replaceAll("/", "_") : "";
    return view === undefined ? [] : [{ node: view.root, name }];
  });
  const files = packTrees(trees, { firstHostId: () => 0 });
  // Nobody else has these files, so they may all have the time that the client says.
  await sink.write(epochMs === undefined ? files : retimed(files, () => BigInt(epochMs) * 1_000_000n));
}
