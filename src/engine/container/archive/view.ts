/** The file system that copies read and write: the container's root with its mounts, and neither `/proc` nor `/dev`. */
import { openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { type ShownMount, viewOfLayers, viewOfNamespace } from "../../../kernel/root-view.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import { closeLowers } from "../../layer/mod.ts";
import { openReady, readyMounts, releaseForeign, viewLayerOf } from "../mounts/mod.ts";
import { type Container, isAlive } from "../record/mod.ts";
import type { ReadyMount } from "../runtime-spec/mod.ts";
import type { ArchiveContext } from "./context.ts";

/** A running container has its own of these, mounted over what its image has. */
const networkFiles = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"] as const;

/** Opens the view; the caller closes it. Must not run beside a start of the same container. */
export async function openView(context: ArchiveContext, container: Container): Promise<OwnedFd> {
  const { state, document } = container;
  const place = context.paths.containers;
  if (isAlive(state)) {
    using namespace = container.process?.main?.open("ns/mnt", openFlags.readOnly);
    // Without a namespace the process has just ended, and its files are those of a container that does not run.
    if (namespace !== undefined) {
      return viewOfNamespace(
        namespace,
        [...new Set([...document.specification.mounts.map(({ target }) => target), ...networkFiles])],
        place,
      );
    }
  }
  if (document.firstHostId !== null) {
    throw new TiffinError(
      "notImplemented",
      "archive.user-namespace",
      `the files of container ${container.name} belong to a user namespace of its own, and it is not running`,
      { remedy: "start the container first" },
    );
  }
  if (document.specification.storageBytes !== undefined && !context.facts.features.overlayDetachedLowers) {
    throw new TiffinError(
      "notImplemented",
      "archive.limited-size",
      `this kernel does not show the files of container ${container.name}, whose size is limited, while it is not running`,
      { remedy: "start the container first, or use Linux 6.15 or newer" },
    );
  }
  const user = newId();
  const ready = await readyMounts(context, container, user);
  // The view keeps what it shows.
  await using _uses = {
    [Symbol.asyncDispose]: () => releaseForeign(context, { id: user }, document.specification.mounts),
  };
  using held = new DisposableStack();
  const mounts = ready.flatMap((mount) => shown(context, mount, held));
  const access = document.specification.security.rootReadOnly ? "read-only-top" : "writable";
  const { upper, work } = context.layers.containerDirectory(container.id);
  const lowers = context.layers.openLowers(document.image.chain);
  try {
    return viewOfLayers({ lowers: lowers.map(viewLayerOf), upper, work }, mounts, place, access);
  } finally {
    closeLowers(lowers);
  }
}

function shown(context: ArchiveContext, mount: ReadyMount, held: DisposableStack): ShownMount[] {
  if (mount.kind === "tmpfs") return [];
  const { target } = mount;
  const made = openReady(context, mount);
  if (made !== undefined) held.use(made);
  if (mount.kind === "image") {
    return made === undefined ? [] : [{ source: made, target, access: "read-only", recursive: true }];
  }
  const { readOnly } = mount;
  const source = made ?? mount.source;
  if (mount.kind === "volume") {
    return [{ source, target, access: readOnly ? "read-only" : "writable", recursive: true }];
  }
  const access = readOnly ? (mount.writableBelow === true ? "read-only-top" : "read-only") : "writable";
  return [{ source, target, access, recursive: mount.recursive }];
}
