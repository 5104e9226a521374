/**
 * What the standard descriptors of a saved container are connected to: pipes, and files of the host such as its null
 * device, are replaced by the caller's own at a restore. Anything else is in the container, and criu opens it itself.
 */
import { pathStatus } from "../../kernel/directory.ts";
import { openFile, openFlags, readLink, readTextIfPossible } from "../../kernel/files.ts";
import { writeAll } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { MountEntry } from "../../linux/mountinfo.ts";
import type { CriuOptions } from "./messages.ts";

/** In the image, a JSON array of three texts, as other runtimes write it: `pipe:[INODE]`, a path, `file[MOUNT:INODE]`. */
const connectionsFile = "descriptors.json";
const standardCount = 3;
const privateFile = 0o600;
const hexadecimal = 16;

/** True for a file that no mount of the container shows. */
export function isOutside(connection: string): boolean {
  return connection.startsWith("file[");
}

/** Of the descriptors 0 to 2 of a process with these mounts. */
export function standardConnections(pid: number, mounts: readonly MountEntry[]): string[] {
  return Array.from({ length: standardCount }, (_, fd) => {
    const target = readLink(`/proc/${pid}/fd/${fd}`) ?? "";
    const info = readTextIfPossible(`/proc/${pid}/fdinfo/${fd}`) ?? "";
    const mount = Number(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1]);
    if (!target.startsWith("/") || mounts.some(({ id }) => id === mount)) return target;
    const status = pathStatus(`/proc/${pid}/fd/${fd}`);
    if (status === undefined) return target;
    // criu's own name for it.
    return `file[${mount.toString(hexadecimal)}:${status.inode.toString(hexadecimal)}]`;
  });
}

export function writeConnections(image: OwnedFd, connections: readonly string[]): void {
  const flags = openFlags.writeOnly | openFlags.create | openFlags.truncate | openFlags.noFollow;
  using file = openFile(image, connectionsFile, flags, { mode: privateFile });
  writeAll(file, new TextEncoder().encode(JSON.stringify(connections)));
}

/** What criu takes its own descriptors 0 to 2 for. Throws `invalid` for an image that other programs have damaged. */
export function inheritedConnections(image: OwnedFd): NonNullable<CriuOptions["inheritFds"]> {
  const text = readTextIfPossible(connectionsFile, image) ?? "[]";
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch {
    names = undefined;
  }
  if (!Array.isArray(names)) {
    throw new TiffinError(
      "invalid",
      "runtime.image-damaged",
      `${connectionsFile} of the image is not a JSON array`,
    );
  }
  return names.slice(0, standardCount).flatMap((name: unknown, fd) => {
    const replaced = typeof name === "string" && (name.startsWith("pipe:") || isOutside(name));
    return replaced ? [{ key: name, fd }] : [];
  });
}
