/**
 * What is no directory of the host's: volumes that are a mount by their options, parts of volumes, and images. Each is made as a
 * mount that is attached nowhere and handed over as a descriptor, so that the host never has it and nothing is to be undone.
 */
import { lookup } from "node:dns/promises";
import { cloneOfPath, namespaceWith } from "../../../kernel/detached-mount.ts";
import { openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { mountOfNamespace, viewOfImage } from "../../../kernel/root-view.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { closeLowers } from "../../layer/mod.ts";
import { type LocalMount, withAddress } from "../../volume/mod.ts";
import { openOfProcess } from "../process/mod.ts";
import { type Container, isAlive } from "../record/mod.ts";
import type { ReadyMount } from "../runtime-spec/mod.ts";
import type { MountSpec } from "../specification/mod.ts";
import type { MountsContext } from "./context.ts";
import { viewLayerOf } from "./view-layer.ts";

const exitCode = 125;

/** With the address of the server, which the kernel cannot look up. Errors: `volume.server`. */
export async function addressed(name: string, mount: LocalMount): Promise<LocalMount> {
  if (mount.kind === "bind" || mount.server === undefined) return mount;
  try {
    const { address } = await lookup(mount.server);
    return withAddress(mount, address);
  } catch (thrown) {
    throw new TiffinError(
      "unavailable",
      "volume.server",
      `error while mounting volume ${name}: the server ${JSON.stringify(mount.server)} has no address: ${messageOf(thrown)}`,
      { exitCode, cause: thrown },
    );
  }
}

/** The mount for the container, attached nowhere; undefined for what is a path of the host. Errors: `container.volume-mount`. */
export function openReady(context: MountsContext, mount: ReadyMount): OwnedFd | undefined {
  if (mount.kind === "image") return imagePart(context, mount);
  if (mount.kind !== "volume") return undefined;
  const { name, mounted, source, subpath } = mount;
  const attempt = (work: () => OwnedFd): OwnedFd => {
    try {
      return work();
    } catch (thrown) {
      const what = subpath === "" ? "" : ` (${subpath})`;
      throw refusal(`error while mounting volume ${name}${what}: failed to mount local volume`, thrown);
    }
  };
  if (mounted !== undefined) return attempt(() => volumePart(context, { ...mount, mounted }));
  if (subpath === "") return undefined;
  return attempt(() => cloneOfPath({ source, recursive: true, attributes: [] }, subpath));
}

function refusal(what: string, thrown: unknown): unknown {
  if (!(thrown instanceof SyscallError)) return thrown;
  return new TiffinError("invalid", "container.volume-mount", `${what}: ${thrown.message}`, {
    ...(thrown.code === "ENODEV" && {
      remedy:
        "this kernel has no file system of that type: load its module (modprobe), or choose another type",
    }),
    exitCode,
    cause: thrown,
  });
}

type MountedVolume = Extract<ReadyMount, { kind: "volume" }> & { readonly mounted: LocalMount };

/** One file system for all containers that have the volume; it ends with the last of them. */
function volumePart(context: MountsContext, { name, mounted, source, subpath }: MountedVolume): OwnedFd {
  if (mounted.kind === "bind") return cloneOfPath(mounted, subpath);
  const { mounted: kept } = context.volumes;
  if (!kept.has(name)) {
    const other = ofOther(context, name, subpath);
    if (other !== undefined) return other;
    kept.set(name, namespaceWith(mounted, source));
  }
  const namespace = kept.get(name);
  if (namespace === undefined) throw new Error(`volume ${name} is not mounted`);
  return mountOfNamespace(namespace, source, subpath);
}

/** As another container has it: an engine that came after its start knows no other way. */
function ofOther(context: MountsContext, name: string, subpath: string): OwnedFd | undefined {
  for (const container of context.registry.all()) {
    if (!isAlive(container.state)) continue;
    for (const mount of container.document.specification.mounts) {
      if (mount.kind !== "volume" || mount.volume !== name) continue;
      if (mount.readOnly || mount.subpath !== undefined) continue;
      try {
        using namespace = openOfProcess(container, "ns/mnt", openFlags.readOnly);
        return mountOfNamespace(namespace, mount.target, subpath);
      } catch {
        // It has ended, or has taken it off: another one may have it.
      }
    }
  }
  return undefined;
}

/** A run is over: what no container that runs has is let go. */
export function releaseMounted(context: MountsContext, ended: Container): void {
  releaseTakenOff(context, ended, { gone: ended.document.specification.mounts, kept: [] });
}

/** The same where a running container has lost some of its mounts, and has kept others. */
export function releaseTakenOff(
  context: MountsContext,
  container: Container,
  { gone, kept }: { readonly gone: readonly MountSpec[]; readonly kept: readonly MountSpec[] },
): void {
  const has = (mounts: readonly MountSpec[], volume: string): boolean =>
    mounts.some((each) => each.kind === "volume" && each.volume === volume);
  for (const mount of gone) {
    if (mount.kind !== "volume" || !context.volumes.mounted.has(mount.volume)) continue;
    const isUsed =
      has(kept, mount.volume) ||
      [...context.registry.all()].some(
        (other) =>
          other !== container &&
          (isAlive(other.state) || other.state.status === "starting") &&
          has(other.document.specification.mounts, mount.volume),
      );
    if (isUsed) continue;
    context.volumes.mounted.get(mount.volume)?.[Symbol.dispose]();
    context.volumes.mounted.delete(mount.volume);
  }
}

function imagePart(context: MountsContext, mount: Extract<ReadyMount, { kind: "image" }>): OwnedFd {
  const lowers = context.layers.openLowers(mount.chain ?? []);
  try {
    return viewOfImage(lowers.map(viewLayerOf), mount.subpath ?? "", context.paths.containers);
  } catch (thrown) {
    throw refusal(`cannot mount image ${mount.image}`, thrown);
  } finally {
    closeLowers(lowers);
  }
}
