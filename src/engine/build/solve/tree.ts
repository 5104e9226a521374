/** What a vertex comes to: a file tree that nobody changes any more. */
import { type RootAccounts, readRootAccounts } from "../../../kernel/root-accounts.ts";
import {
  type TreeAppearance,
  type TreeLayer,
  TreeView,
  type TreeViewOptions,
} from "../../../kernel/tree-view.ts";
import { closeLowers, type LayerStore, treeLayerOf } from "../../layer/mod.ts";
import { pathParts, resolvedPath } from "./sources.ts";

export type Tree =
  /** Layers, lowest first; none is an empty tree. */
  | { readonly kind: "layers"; readonly chain: readonly string[] }
  /** Of the build itself, and gone with it. */
  | { readonly kind: "directory"; readonly path: string }
  /** A client's own, read where it is and never written to. It may change at any moment. */
  | { readonly kind: "directory"; readonly path: string; readonly appearance: TreeAppearance };

/** What may change while it is read. */
export function isLive(tree: Tree): boolean {
  return tree.kind === "directory" && "appearance" in tree;
}

export const emptyTree: Tree = { kind: "layers", chain: [] };

/** A tree to look into. */
export interface OpenTree extends Disposable {
  /** Undefined: there is nothing in it at all. */
  readonly view: TreeView | undefined;
  find(path: string): ReturnType<TreeView["find"]>;
  /** Without links, and without a slash before it. */
  resolved(path: string): string;
  /** Of the users that it knows. */
  accounts(): RootAccounts;
}

export function openTree(layers: LayerStore, tree: Tree): OpenTree {
  if (tree.kind === "directory") {
    const options = {
      readsFiles: true,
      ...("appearance" in tree && { appearance: tree.appearance, crossesMounts: true }),
    };
    return opened([tree.path], () => {}, options);
  }
  const lowers = layers.openLowers(tree.chain);
  try {
    return opened(lowers.map(treeLayerOf), () => closeLowers(lowers));
  } catch (thrown) {
    closeLowers(lowers);
    throw thrown;
  }
}

function opened(layers: readonly TreeLayer[], close: () => void, options?: TreeViewOptions): OpenTree {
  const view = layers.length === 0 ? undefined : new TreeView(layers, options);
  return {
    view,
    find: (path) => view?.find(path),
    resolved: (path) => (view === undefined ? pathParts(path).join("/") : resolvedPath(view, path)),
    accounts: () => (layers.length === 0 ? { passwd: [], groups: [] } : readRootAccounts({ layers })),
    [Symbol.dispose]() {
      view?.[Symbol.dispose]();
      close();
    },
  };
}
