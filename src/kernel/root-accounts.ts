/** The accounts of a container's root file system, read safely for `linux/passwd.ts`. */
import { TiffinError } from "../lib/errors.ts";
import { errno } from "../linux/errno.ts";
import {
  accountFileLimitBytes,
  type GroupEntry,
  type PasswdEntry,
  parseGroup,
  parsePasswd,
} from "../linux/passwd.ts";
import { descriptorStatus } from "./directory.ts";
import { openFile, openFlags, openInRoot } from "./files.ts";
import { readToEnd } from "./io.ts";
import { isOfKernel } from "./mount-attributes.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { SyscallError } from "./syscall.ts";
import { type TreeLayer, TreeView } from "./tree-view.ts";

export interface RootAccounts {
  readonly passwd: readonly PasswdEntry[];
  readonly groups: readonly GroupEntry[];
}

/** Where the root is: one open directory, or overlay layers, top first, that are not mounted together. */
export type AccountSource = { readonly root: OwnedFd } | { readonly layers: readonly TreeLayer[] };

/**
 * Reads /etc/passwd and /etc/group. A missing file, or one that is no regular file, has no entries. Throws
 * `TiffinError` `invalid` for a file beyond 1 MiB.
 */
export function readRootAccounts(source: AccountSource): RootAccounts {
  return {
    passwd: parsePasswd(readAccountFile(source, "/etc/passwd")),
    groups: parseGroup(readAccountFile(source, "/etc/group")),
  };
}

function readAccountFile(source: AccountSource, path: string): Uint8Array {
  try {
    if ("layers" in source) {
      using tree = new TreeView(source.layers);
      return tree.read(path, accountFileLimitBytes) ?? new Uint8Array();
    }
    // Looked at before it is opened: a named pipe would hold us up, and opening some devices of the host does things. A
    // container may also lead to a file of its /proc, where we may read what it may not, and wait there for ever.
    using found = openInRoot(source.root, path, openFlags.path);
    if (descriptorStatus(found).type !== "file" || isOfKernel(found)) return new Uint8Array();
    using file = openFile(
      undefined,
      `/proc/self/fd/${found.raw}`,
      openFlags.readOnly | openFlags.nonBlocking,
    );
    return readToEnd(file, accountFileLimitBytes);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    if (thrown.errno === errno.EFBIG) {
      throw new TiffinError(
        "invalid",
        "user.file-too-large",
        `${path} of the container is larger than ${accountFileLimitBytes} bytes`,
      );
    }
    // Absent, or a link that leads nowhere, in circles or out of the root.
    if (
      ["ENOENT", "ENOTDIR", "ELOOP", "EXDEV", "ENXIO", "EISDIR", "EACCES", "EAGAIN"].includes(thrown.code)
    ) {
      return new Uint8Array();
    }
    throw thrown;
  }
}
