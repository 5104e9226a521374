/** What a container has changed over its image, as Docker tells it: by comparing what was with what is, not by what was touched. */
import { isOpaque, isWhiteout } from "../../kernel/overlay-marks.ts";
import { Breather } from "../../lib/breather.ts";
import { sameDirectory, sameFile } from "./compare.ts";
import { isOwnMountPoint } from "./own-mount-points.ts";
import { tooDeep } from "./tree-error.ts";
import { depthLimit, sortedNames, type TreeNode } from "./tree-node.ts";

export type ChangeKind = "modified" | "added" | "deleted";

export interface Change {
  /** Absolute in the container. */
  readonly path: string;
  readonly kind: ChangeKind;
}

/**
 * All changes in order of their paths; a directory in which something changed is changed itself. `top` is the container's own
 * directory as it is, `below` what its image shows. Errors: `archive.too-deep`.
 */
export async function listChanges(
  top: TreeNode,
  below: TreeNode | undefined,
  firstHostId: number,
): Promise<Change[]> {
  const changes: Change[] = [];
  const breather = new Breather();
  for (const change of changesIn({ node: top, below, path: "" }, firstHostId, 0)) {
    if (change !== undefined) changes.push(change);
    await breather.breathe();
  }
  return changes;
}

interface Place {
  readonly node: TreeNode;
  readonly below: TreeNode | undefined;
  /** Empty for the top. */
  readonly path: string;
}

/** Undefined now and then, where one may pause. */
function* changesIn(place: Place, firstHostId: number, depth: number): Generator<Change | undefined> {
  const { node, path } = place;
  if (depth === depthLimit) throw tooDeep(path);
  // Only a directory that hides what is below takes it away without a word for each.
  const below = place.below?.status.type === "directory" ? place.below : undefined;
  const hides = below !== undefined && depth > 0 && isOpaque(node.fd);
  const names = hides ? [...new Set([...node.names(), ...below.names()])].sort() : sortedNames(node);
  for (const name of names) {
    using child = node.child(name);
    using childBelow = below?.child(name);
    yield* changesOf({ child, below: childBelow, path: `${path}/${name}` }, firstHostId, depth);
  }
}

function* changesOf(
  found: {
    readonly child: TreeNode | undefined;
    readonly below: TreeNode | undefined;
    readonly path: string;
  },
  firstHostId: number,
  depth: number,
): Generator<Change | undefined> {
  const { child, below, path } = found;
  yield undefined;
  if (child === undefined || isWhiteout(child.status)) {
    if (below !== undefined) yield { path, kind: "deleted" };
    return;
  }
  if (child.status.type !== "directory") {
    if (below !== undefined) {
      if (!sameFile(child, below, firstHostId)) yield { path, kind: "modified" };
    } else if (!isOwnMountPoint(path.slice(1), child)) yield { path, kind: "added" };
    return;
  }
  let isTold = false;
  const tell = function* (): Generator<Change> {
    if (!isTold) yield { path, kind: below === undefined ? "added" : "modified" };
    isTold = true;
  };
  const isOwn = below === undefined && isOwnMountPoint(path.slice(1), child);
  if (below === undefined ? !isOwn : !sameDirectory(child, below, firstHostId)) yield* tell();
  for (const change of changesIn({ node: child, below, path }, firstHostId, depth + 1)) {
    if (change !== undefined) yield* tell();
    yield change;
  }
}
