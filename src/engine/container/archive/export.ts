/** A container's root as a tar stream, running or not: what its image has and what it changed, without what is mounted in it. */
import { TreeView } from "../../../kernel/tree-view.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { holding } from "../../../lib/held-stream.ts";
import { openRootLayers } from "../../layer/mod.ts";
import { packTree, type TreeNode } from "../../tree/mod.ts";
import { tellEvent } from "../context.ts";
import type { Container } from "../record/mod.ts";
import type { ArchiveContext } from "./context.ts";

/**
 * The stream holds what it reads from until it ends or is given up. It reads below the container's mounts, so neither a start nor a
 * stop is held up; a container that is removed meanwhile ends it with an error, for its files go. Errors: `archive.too-deep`.
 */
export function exportContainer(context: ArchiveContext, container: Container): AsyncIterable<Uint8Array> {
  const { document, id } = container;
  refuseDead(container, "export");
  using root = openRootLayers(context.layers, id, document.image.chain);
  const tree = new TreeView(root.layers);
  const firstHostId = document.firstHostId ?? 0;
  // Layers have the ids of the image, whatever they are shown as; what the container wrote has the host's.
  const hostIdOf = (node: TreeNode): number => (node.layer === 0 ? firstHostId : 0);
  const bytes = packTree(tree.root, "", { firstHostId: hostIdOf });
  tellEvent(context, container, "export");
  return holding([tree], whole(context, container, bytes));
}

/** Holds a piece back, so that an archive of files that went away meanwhile is not taken for a whole one. */
async function* whole(
  context: ArchiveContext,
  container: Container,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let last: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (last !== undefined) yield last;
    last = piece;
  }
  if (context.registry.byId(container.id) !== container) {
    throw new TiffinError(
      "conflict",
      "container.removed-meanwhile",
      `container ${container.name} was removed while it was being exported`,
    );
  }
  if (last !== undefined) yield last;
}

/** Its files may be half gone. */
export function refuseDead({ state, id }: Container, verb: string): void {
  if (state.status !== "dead" && state.status !== "removing") return;
  const what = state.status === "dead" ? "Dead" : "being removed";
  throw new TiffinError("conflict", "container.dead", `You cannot ${verb} container ${id} which is ${what}`);
}
