/**
 * Mounts that are attached nowhere: made in a mount namespace that is gone again when they are, so that the host never sees
 * them and none is left behind, whatever ends how. With the last descriptor, and the last mount made of it, each is gone.
 */
import { own } from "../lib/own.ts";
import { mountAttributes } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import { openFile, openFlags, openInRoot } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { createBareMounts, inMounts } from "./private-mounts.ts";
import { cloneOf } from "./root-view.ts";
import { cString, syscall } from "./syscall.ts";

export interface FileSystemMount {
  readonly type: string;
  readonly source: string;
  /** MS_* of mount(2). */
  readonly flags: number;
  readonly data: readonly string[];
}

/**
 * A mount namespace that has a file system by mount(2) at the directory `place`, and little else; the file system is there for as
 * long as the namespace, or a mount made of it. Throws `SyscallError`.
 */
export function namespaceWith({ type, source, flags, data }: FileSystemMount, place: string): OwnedFd {
  const namespace = createBareMounts(place);
  try {
    inMounts(namespace, () => {
      const options = data.length === 0 ? 0 : cString(data.join(","));
      syscall("mount", `${source} (${type})`, cString(source), cString(place), cString(type), flags, options);
    });
    return namespace;
  } catch (thrown) {
    namespace[Symbol.dispose]();
    throw thrown;
  }
}

const attributesByWord: Readonly<Record<string, number>> = {
  ro: mountAttributes.readOnly,
  nosuid: mountAttributes.noSuid,
  nodev: mountAttributes.noDevices,
  noexec: mountAttributes.noExec,
};

export interface PathClone {
  readonly source: string;
  readonly recursive: boolean;
  /** What the words set. */
  readonly attributes: readonly string[];
}

/** What is at a path, or at `subpath` of that, once more. Throws `SyscallError`. */
export function cloneOfPath({ source, recursive, attributes: words }: PathClone, subpath: string): OwnedFd {
  using whole = openFile(undefined, source, openFlags.path);
  using from = subpath === "" ? whole.duplicate() : openInRoot(whole, subpath, openFlags.path);
  const mount = cloneOf(from, recursive);
  const set = words.reduce((all, word) => all | (own(attributesByWord, word) ?? 0), 0);
  if (set === 0) return mount;
  try {
    // struct mount_attr: what is set, what is cleared, propagation, a user namespace.
    const attributes = new BigUint64Array([BigInt(set), 0n, 0n, 0n]);
    const flags = atFlags.emptyPath | (recursive ? atFlags.recursive : 0);
    syscall("mount_setattr", source, mount.raw, cString(""), flags, attributes, attributes.byteLength);
    return mount;
  } catch (thrown) {
    mount[Symbol.dispose]();
    throw thrown;
  }
}
