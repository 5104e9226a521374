/** What a container has changed over its image. */
import { PlainEntry } from "../../../kernel/plain-entry.ts";
import { TreeView } from "../../../kernel/tree-view.ts";
import { openRootLayers, type RootLayers } from "../../layer/mod.ts";
import { type Change, listChanges, type TreeNode } from "../../tree/mod.ts";
import type { Container } from "../record/mod.ts";
import type { ArchiveContext } from "./context.ts";
import { refuseDead } from "./export.ts";

/** Errors: `archive.too-deep`. */
export async function changesOf(context: ArchiveContext, container: Container): Promise<Change[]> {
  refuseDead(container, "list the changes of");
  using changed = openChanges(context, container);
  return await listChanges(changed.top, changed.below, container.document.firstHostId ?? 0);
}

export interface OpenChanges extends Disposable {
  /** The container's own directory as it is. */
  readonly top: TreeNode;
  /** What its image shows; undefined for one without layers. */
  readonly below: TreeNode | undefined;
}

export function openChanges(context: ArchiveContext, { id, document }: Container): OpenChanges {
  using root: RootLayers = openRootLayers(context.layers, id, document.image.chain);
  const [own, ...lowers] = root.layers;
  if (own === undefined) throw new Error("a root without layers");
  using opening = new DisposableStack();
  const top = opening.use(PlainEntry.ofLayer(own));
  const below = lowers.length === 0 ? undefined : opening.use(new TreeView(lowers));
  const held = opening.move();
  return { top, below: below?.root, [Symbol.dispose]: () => held.dispose() };
}
