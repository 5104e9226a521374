/**
 * criu makes no mount points: those that a container's start had made in its root must be there at a restore into
 * another root. What lies below a new file system of the container comes back with its content.
 */
import { makeDirectory, openFile, openFlags, openInRoot } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { readMountOptions } from "../../plan/mod.ts";

const directoryMode = 0o755;
const fileMode = 0o644;

/** `isDirectory`: what the source of a bind is. Throws `SyscallError` for a root that cannot be written to. */
export function makeMountPoints(
  root: OwnedFd,
  { mounts = [] }: RuntimeSpec,
  isDirectory: (source: string) => boolean,
): void {
  const covered = mounts
    .filter(({ options = [] }) => readMountOptions(options).bind === "no")
    .map(({ destination }) => `${destination.replace(/\/+$/, "")}/`);
  for (const { destination, source = "", options = [] } of mounts) {
    if (covered.some((above) => destination.startsWith(above) && destination !== above)) continue;
    const bind = readMountOptions(options).bind !== "no";
    makeMountPoint(root, destination, bind && !isDirectory(source));
  }
}

/** Symlinks on the way are followed as the container would. */
function makeMountPoint(root: OwnedFd, path: string, isFile: boolean): void {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  for (let depth = 1; depth <= names.length; depth += 1) {
    const place = `/${names.slice(0, depth).join("/")}`;
    if (isThere(root, place)) continue;
    using parent = openInRoot(
      root,
      `/${names.slice(0, depth - 1).join("/")}`,
      openFlags.path | openFlags.directory,
    );
    const name = names[depth - 1] ?? "";
    if (isFile && depth === names.length) makeFile(parent, name);
    else makeDirectory(name, directoryMode, parent);
  }
}

function isThere(root: OwnedFd, place: string): boolean {
  try {
    using _found = openInRoot(root, place, openFlags.path);
    return true;
  } catch (thrown) {
    if (thrown instanceof SyscallError && thrown.code === "ENOENT") return false;
    throw thrown;
  }
}

function makeFile(parent: OwnedFd, name: string): void {
  const flags = openFlags.writeOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow;
  using _made = openFile(parent, name, flags, { mode: fileMode });
}
