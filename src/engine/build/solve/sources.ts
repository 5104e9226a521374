/** What steps take of a context, a stage or an image: entries, found and told apart by content. */
import { shellPattern } from "../../../docker/shell-pattern.ts";
import type { TreeView } from "../../../kernel/tree-view.ts";
import { sortedNames, type TreeNode } from "../../tree/mod.ts";

/** What a pattern found. Whoever got it closes it. */
export interface Source {
  /** Relative to the tree's root; empty for the root itself. */
  readonly path: string;
  readonly node: TreeNode;
}

/** As a path from the root, with `.` and `..` resolved by their words alone. */
export function pathParts(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

/** Every entry that the pattern means, links followed within the tree. Throws `Error` for a pattern that is none. */
export function findSources(tree: TreeView, pattern: string): Source[] {
  const parts = pathParts(pattern);
  let paths = [""];
  for (const part of parts) {
    if (part === "**") paths = [...new Set(paths.flatMap((path) => directoriesIn(tree, path, depthLimit)))];
    else if (hasWildcard(part)) paths = paths.flatMap((path) => matchesIn(tree, path, part));
    else paths = paths.map((path) => below(path, part));
  }
  return paths.flatMap((path) => {
    const node = tree.find(path);
    return node === undefined ? [] : [{ path, node }];
  });
}

export function hasWildcard(pattern: string): boolean {
  return /[*?[\\]/.test(pattern);
}

const depthLimit = 100;

/** The directory and all below it, links not followed. */
function directoriesIn(tree: TreeView, path: string, levels: number): string[] {
  using found = tree.find(path);
  if (found?.isDirectory !== true || levels === 0) return [];
  const inside = sortedNames(found).flatMap((name) => {
    using child = found.child(name);
    return child?.isDirectory === true ? directoriesIn(tree, below(path, name), levels - 1) : [];
  });
  return [path, ...inside];
}

function matchesIn(tree: TreeView, directory: string, pattern: string): string[] {
  const matches = shellPattern(pattern);
  if (matches === undefined) throw new Error(`syntax error in pattern: ${JSON.stringify(pattern)}`);
  using found = tree.find(directory);
  if (found?.isDirectory !== true) return [];
  return [...found.names()]
    .filter(matches)
    .sort()
    .map((name) => below(directory, name));
}

export function below(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** More links than these on one path are a loop. */
const linkLimit = 40;

/** Where a path leads to, as far as there is something, without links; what is not there keeps its words. */
export function resolvedPath(tree: TreeView, path: string): string {
  let links = 0;
  let trail: string[] = [];
  const pending = pathParts(path).reverse();
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "..") {
      trail = trail.slice(0, -1);
      continue;
    }
    using parent = tree.find(trail.join("/"));
    using entry = parent?.isDirectory === true ? parent.child(name) : undefined;
    if (entry?.status.type !== "symlink") {
      trail.push(name);
      continue;
    }
    links += 1;
    if (links > linkLimit) throw new Error(`too many symbolic links on the way to ${path}`);
    const target = entry.target();
    if (target.startsWith("/")) trail = [];
    pending.push(
      ...target
        .split("/")
        .filter((part) => part !== "" && part !== ".")
        .reverse(),
    );
  }
  return trail.join("/");
}

/** Whether something of a source is left out, by its path in it. */
export type LeavesOut = (path: string) => boolean;

export const leavesNothingOut: LeavesOut = () => false;
