/** Copies between a container's file system and its clients, as tar streams. */
import type { PathStatus } from "../../../docker/types/archive.ts";
import { openFlags, openInRoot } from "../../../kernel/files.ts";
import { mountAttributesOf, mountIdOf } from "../../../kernel/mount-attributes.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { PlainEntry } from "../../../kernel/plain-entry.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import type { Owner } from "../../../kernel/tree-writer.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { holding } from "../../../lib/held-stream.ts";
import { mountAttributes } from "../../../linux/mount-flags.ts";
import { decompress, packTree, unpack } from "../../tree/mod.ts";
import { enqueue, tellEvent } from "../context.ts";
import { type Container, isAlive } from "../record/mod.ts";
import type { ArchiveContext } from "./context.ts";
import { lastName, openEntry, pathStatusOf, unreachablePath } from "./path-status.ts";
import { openView } from "./view.ts";

/** What a program may do beyond its user goes along, as in Docker's archives; other attributes stay. capabilities(7) */
const isCapability = (name: string): boolean => name === "security.capability";

export { changesOf, type OpenChanges, openChanges } from "./changes.ts";
export type { ArchiveContext } from "./context.ts";
export { exportContainer, refuseDead } from "./export.ts";

export interface PutOptions {
  readonly path: string;
  /** Never replace a directory by something else, or the reverse. */
  readonly keepTypes: boolean;
  /** What is unpacked belongs to the container's user instead of to whom the archive says. */
  readonly ownedByUser: boolean;
}

/** Errors: `notFound` when nothing is at `path`. */
export async function statPath(
  context: ArchiveContext,
  container: Container,
  path: string,
): Promise<PathStatus> {
  return await enqueue(container, async () => {
    using root = await openView(context, container);
    const entry = openEntry(root, path, container.name);
    using _held = entry.fd;
    return pathStatusOf(path, entry);
  });
}

/** The stream holds what it reads from until it ends or is given up. */
export async function getArchive(
  context: ArchiveContext,
  container: Container,
  path: string,
): Promise<{ readonly status: PathStatus; readonly bytes: AsyncIterable<Uint8Array> }> {
  return await enqueue(container, async () => {
    const root = await openView(context, container);
    try {
      context.fail("copy.out");
      const entry = openEntry(root, path, container.name);
      // Mounts of the container are part of what it shows.
      const node = new PlainEntry(entry.fd, { crossesMounts: true });
      const firstHostId = container.document.firstHostId ?? 0;
      const packing = { firstHostId: () => firstHostId, attributes: isCapability };
      tellEvent(context, container, "archive-path");
      return {
        status: pathStatusOf(path, entry),
        bytes: holding([node, root], packTree(node, lastName(path), packing)),
      };
    } catch (thrown) {
      root[Symbol.dispose]();
      throw thrown;
    }
  });
}

/** Unpacks a tar stream, plain or compressed, into the directory `path`. */
export async function putArchive(
  context: ArchiveContext,
  container: Container,
  options: PutOptions,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const work = async (): Promise<void> => {
    using root = await openView(context, container);
    await unpackInto(context, container, root, options, body);
  };
  // Without a process the files are ours while they change: a start waits. A running one is not held up.
  if (!isAlive(container.state)) {
    await enqueue(container, work);
    return;
  }
  using root = await enqueue(container, async () => openView(context, container));
  await unpackInto(context, container, root, options, body);
}

async function unpackInto(
  context: ArchiveContext,
  container: Container,
  root: OwnedFd,
  options: PutOptions,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { path } = options;
  {
    using target = openTarget(root, path, container.name);
    refuseReadOnly(root, target);
  }
  context.fail("copy.in");
  try {
    await unpack(decompress(body), {
      root,
      directory: `/${path}`,
      keepTypes: options.keepTypes,
      owner: options.ownedByUser ? userOf(context, container) : undefined,
      firstHostId: container.document.firstHostId ?? 0,
      whiteouts: false,
    });
  } catch (thrown) {
    throw unreachablePath(thrown, path, container.name);
  }
  tellEvent(context, container, "extract-to-dir");
  context.fail("copy.unpacked");
}

/** The directory that is unpacked into, behind whatever links lead there. */
function openTarget(root: OwnedFd, path: string, name: string): OwnedFd {
  try {
    return openInRoot(root, path, openFlags.path | openFlags.directory);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError) || thrown.code !== "ENOTDIR")
      throw unreachablePath(thrown, path, name);
    throw new TiffinError("invalid", "archive.no-directory", "extraction point is not a directory", {
      cause: thrown,
    });
  }
}

/** The mounts refuse it too; told before anything is unpacked, in Docker's words. */
function refuseReadOnly(root: OwnedFd, target: OwnedFd): void {
  const path = `/proc/self/fd/${target.raw}`;
  if ((mountAttributesOf(path) & mountAttributes.readOnly) === 0) return;
  const what = mountIdOf(target) === mountIdOf(root) ? "container rootfs" : "mounted volume";
  throw new TiffinError("forbidden", "archive.read-only", `${what} is marked read-only`);
}

function userOf(context: ArchiveContext, container: Container): Owner | undefined {
  const { specification, image } = container.document;
  const { user } = specification.process;
  if (user === "") return undefined;
  return context.users.resolve(user, [], container.id, image.chain);
}
