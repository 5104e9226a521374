/**
 * A layer as the tar stream that an image has it by: what overlayfs notes as gone becomes `.wh.` names and opaque marks. (OCI
 * image specification, layer.md) Equal trees give equal bytes: names are in order, and marks say nothing but their names; so
 * the layer that comes of such a stream gives the same stream again.
 *
 * With the layers that it lies on, it is the changes of a container: directories are left out that are there only because
 * something below them was looked at or mounted.
 */
import { isOpaque, isWhiteout } from "../../kernel/overlay-marks.ts";
import { sameDirectory } from "./compare.ts";
import { isOwnMountPoint } from "./own-mount-points.ts";
import { inSlices } from "./pack-tree.ts";
import { TarPacking } from "./tar-packing.ts";
import { reservedName, tooDeep } from "./tree-error.ts";
import { depthLimit, joined, sortedNames, type TreeNode } from "./tree-node.ts";

const whiteoutPrefix = ".wh.";
const opaqueMark = ".wh..wh..opq";

export interface LayerPacking {
  /** Ids of the tree are given relative to this. */
  readonly firstHostId: number;
  /** For a container's changes: the root of what is below; undefined inside for an image without layers. */
  readonly changes?: {
    readonly below: TreeNode | undefined;
    /** Further paths where something was mounted: what was made for that, and is empty, is no change. */
    readonly mountPoints?: ReadonlySet<string>;
  };
}

export interface PackedLayer {
  readonly bytes: AsyncGenerator<Uint8Array>;
  /** After the end: it says nothing that is not so below. */
  readonly isEmpty: () => boolean;
}

/** `top` is the root of one tree as it is, and stays the caller's. Errors: `archive.reserved-name`, `archive.too-deep`. */
export function packLayer(top: TreeNode, options: LayerPacking): PackedLayer {
  const walk = new LayerWalk(options);
  return { bytes: inSlices(walk.all(top)), isEmpty: () => walk.isEmpty };
}

interface Pending {
  readonly node: TreeNode;
  readonly path: string;
}

/** What a root is that nothing is said about. */
function isPlainTop({ status }: TreeNode): boolean {
  return status.mode === 0o755 && status.uid === 0 && status.gid === 0;
}

class LayerWalk {
  readonly #packing: TarPacking;
  readonly #options: LayerPacking;
  /** Directories on the way down that are written only if something below them is. */
  #pending: Pending[] = [];
  isEmpty = true;

  constructor(options: LayerPacking) {
    this.#options = options;
    this.#packing = new TarPacking({ firstHostId: () => options.firstHostId });
  }

  *all(top: TreeNode): Generator<Uint8Array> {
    // Always: whether the layer changes the top cannot be seen from the layer alone.
    yield* this.#packing.member(top, ".");
    const { changes, firstHostId } = this.#options;
    const below = changes?.below;
    this.isEmpty = below === undefined ? isPlainTop(top) : sameDirectory(top, below, firstHostId);
    yield* this.#content(top, "", below, 0);
    yield* this.#packing.end();
  }

  /** True when something in it is a mount point of the engine's. */
  *#content(
    node: TreeNode,
    path: string,
    below: TreeNode | undefined,
    depth: number,
  ): Generator<Uint8Array, boolean> {
    if (depth === depthLimit) throw tooDeep(path);
    let holdsOwn = false;
    for (const name of sortedNames(node)) {
      using child = node.child(name);
      if (child === undefined) continue;
      if (isWhiteout(child.status)) {
        yield* this.#aboutToWrite();
        yield* this.#packing.mark(joined(path, whiteoutPrefix + name));
        continue;
      }
      const childPath = joined(path, name);
      if (name.startsWith(whiteoutPrefix)) throw reservedName(childPath);
      const isDirectory = child.status.type === "directory";
      using childBelow = below?.child(name);
      const isOwn = childBelow === undefined && this.#isMountPoint(child, childPath);
      holdsOwn ||= isOwn;
      if (isDirectory) yield* this.#directory(child, childPath, childBelow, isOwn, depth);
      else if (!isOwn) {
        yield* this.#aboutToWrite();
        yield* this.#packing.member(child, childPath);
      }
    }
    return holdsOwn;
  }

  #isMountPoint(node: TreeNode, path: string): boolean {
    const { changes } = this.#options;
    if (changes === undefined) return false;
    if (isOwnMountPoint(path, node)) return true;
    if (changes.mountPoints?.has(path) !== true) return false;
    return node.status.type === "directory" || (node.status.type === "file" && node.status.sizeBytes === 0);
  }

  *#directory(
    node: TreeNode,
    path: string,
    below: TreeNode | undefined,
    isOwn: boolean,
    depth: number,
  ): Generator<Uint8Array> {
    const before = this.#pending.length;
    this.#pending.push({ node, path });
    const opaque = isOpaque(node.fd);
    if (opaque) {
      yield* this.#aboutToWrite();
      yield* this.#packing.mark(joined(path, opaqueMark));
    }
    const holdsOwn = yield* this.#content(node, path, opaque ? undefined : below, depth + 1);
    if (this.#pending.length <= before) return;
    // Nothing of what it holds has been written.
    if (this.#isIncidental(node, below, isOwn, holdsOwn)) this.#pending.length = before;
    else yield* this.#aboutToWrite();
  }

  #isIncidental(node: TreeNode, below: TreeNode | undefined, isOwn: boolean, holdsOwn: boolean): boolean {
    const { changes, firstHostId } = this.#options;
    if (changes === undefined) return false;
    if (below === undefined) return isOwn;
    const sameTime = holdsOwn || node.status.modifiedAtNs === below.status.modifiedAtNs;
    return sameTime && sameDirectory(node, below, firstHostId);
  }

  *#aboutToWrite(): Generator<Uint8Array> {
    this.isEmpty = false;
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    for (const { node, path } of pending) yield* this.#packing.member(node, path);
  }
}
