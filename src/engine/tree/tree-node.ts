/** What a walk goes through: an entry of a merged tree (`TreeEntry`), or of one tree as it is (`PlainEntry`). */
import type { FileStatus } from "../../kernel/directory.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";

export interface TreeNode extends Disposable {
  /** Opened by O_PATH, or for reading, from its beginning, where it `isReadable`; stays the node's. */
  readonly fd: OwnedFd;
  readonly isReadable?: boolean;
  readonly status: FileStatus;
  /** In a merged tree: the layer that it is in, counted from the uppermost. */
  readonly layer?: number;
  /** Whether an extended attribute goes along; absent: what is content does. */
  readonly carries?: ((name: string) => boolean) | undefined;
  /** The names in this directory, in no order. */
  names(): Iterable<string>;
  /** Undefined when there is none, or none any more. The caller closes it. */
  child(name: string): TreeNode | undefined;
}

/** The names in their order in archives, which is that of their code units: the same on every machine. */
export function sortedNames(node: TreeNode): string[] {
  return [...node.names()].sort();
}

export function joined(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}

/** Open directories, one or several a level. A deeper tree is no tree of a person's files. */
export const depthLimit = 256;
