/**
 * Files of an overlay root without mounting it: a lookup through the layer directories that gives what the
 * merged mount would show. For the few small files that must be known before a container starts. Everything goes
 * by descriptor, one component at a time without following links in the kernel, so that no layer can lead out.
 */
import { errno } from "../linux/errno.ts";
import { resolveFlags } from "../linux/open-flags.ts";
import { descriptorStatus } from "./directory.ts";
import { openDirectory, openFile, openFlags, openIfPresent } from "./files.ts";
import { readToEnd } from "./io.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, trySyscall } from "./syscall.ts";

const linkLimit = 40;
const linkTargetLimitBytes = 4096;
const insideOne = resolveFlags.beneath | resolveFlags.noSymlinks | resolveFlags.noXdev;

/** The directories, top layer first, that together are one directory of the merged tree. */
type Merged = readonly OwnedFd[];

type Found =
  | { readonly kind: "directory"; readonly merged: Merged }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "other"; readonly holder: OwnedFd; readonly type: string };

/**
 * The content of the regular file `path` in the merged tree of `layers` (directories, top first). Undefined when
 * there is none or it is no regular file. Throws `SyscallError` EFBIG beyond `limitBytes`, ELOOP for links in a circle.
 */
export function readLayeredFile(
  layers: readonly string[],
  path: string,
  limitBytes: number,
): Uint8Array | undefined {
  using opened = new DisposableStack();
  const top = layers.map((layer) => opened.use(openDirectory(layer)));
  let links = 0;
  let pending = components(path);
  let trail: Merged[] = [top];
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "..") {
      if (trail.length > 1) trail = trail.slice(0, -1);
      continue;
    }
    const found = lookUp(trail.at(-1) ?? top, name, opened);
    if (found === undefined) return undefined;
    if (found.kind === "directory") {
      trail.push(found.merged);
    } else if (found.kind === "link") {
      links += 1;
      if (links > linkLimit) throw new SyscallError("openat2", errno.ELOOP, path);
      pending = [...components(found.target), ...pending];
      if (found.target.startsWith("/")) trail = [top];
    } else {
      if (pending.length > 0 || found.type !== "file") return undefined;
      // Through O_PATH it is known to be a regular file, so opening it cannot block.
      using file = openFile(undefined, `/proc/self/fd/${found.holder.raw}`, openFlags.readOnly);
      return readToEnd(file, limitBytes);
    }
  }
  return undefined;
}

function components(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function lookUp(directory: Merged, name: string, opened: DisposableStack): Found | undefined {
  const merged: OwnedFd[] = [];
  for (const layer of directory) {
    const entry = openIfPresent(layer, name, openFlags.path | openFlags.noFollow, { resolve: insideOne });
    if (entry === undefined) continue;
    opened.use(entry);
    const status = descriptorStatus(entry);
    // A whiteout: the name is gone from here down.
    if (status.type === "character" && status.specialMajor === 0 && status.specialMinor === 0) break;
    if (status.type === "directory") {
      merged.push(entry);
      if (isOpaque(entry)) break;
      continue;
    }
    // Below a directory anything else is hidden; at the top it is the entry itself.
    if (merged.length > 0) break;
    if (status.type === "symlink") return { kind: "link", target: readLink(entry) };
    return { kind: "other", holder: entry, type: status.type };
  }
  return merged.length === 0 ? undefined : { kind: "directory", merged };
}

function isOpaque(directory: OwnedFd): boolean {
  const value = new Uint8Array(1);
  const path = cString(`/proc/self/fd/${directory.raw}`);
  return ["trusted.overlay.opaque", "user.overlay.opaque"].some((name) => {
    const length = trySyscall("getxattr", path, cString(name), value, value.length);
    return length === 1 && value[0] === 0x79;
  });
}

function readLink(link: OwnedFd): string {
  const target = new Uint8Array(linkTargetLimitBytes);
  const length = trySyscall("readlinkat", link.raw, cString(""), target, target.length);
  if (length < 0) throw new SyscallError("readlinkat", -length, link.what);
  return new TextDecoder().decode(target.subarray(0, length));
}
