/**
 * Finds the host side of a container's mounts at its start: volumes are made and filled, a missing source of `-v`
 * becomes a directory, one of `--mount` is an error. Binds are opened here and handed over as descriptors, so what was
 * looked at is what gets mounted.
 */
import { existsSync, fstatSync, mkdirSync } from "node:fs";
import { bindSourceMissing } from "../../../docker/messages.ts";
import { openFile, openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { mountOfNamespace } from "../../../kernel/root-view.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { own } from "../../../lib/own.ts";
import { errno, errnoText } from "../../../linux/errno.ts";
import type { OciMount } from "../../../oci/mod.ts";
import type { BindSource } from "../../../plan/mod.ts";
import { openRootLayers } from "../../layer/mod.ts";
import { tellingOfNoRoom } from "../../store/mod.ts";
import {
  checkLocalOptions,
  isAnonymousName,
  isReadOnlyMount,
  localDriver,
  localMountOf,
  type VolumeWishes,
} from "../../volume/mod.ts";
import { openOfProcess } from "../process/mod.ts";
import type { Container } from "../record/mod.ts";
import { donorSharedMemory, type ReadyMount, sharedMemory } from "../runtime-spec/mod.ts";
import type { MountSpec } from "../specification/mod.ts";
import type { MountsContext } from "./context.ts";
import { copyFromLayers } from "./copy-up.ts";
import { mountForeign, releaseForeign, useOf } from "./foreign-volumes.ts";
import { addressed, openReady } from "./mounted-volumes.ts";

/**
 * The container's mounts with host paths. Volumes of other drivers are mounted by them for `user`, until `releaseForeign` is called
 * for it; when this fails nothing is left of that.
 */
export async function readyMounts(
  context: MountsContext,
  container: Container,
  user = container.id,
): Promise<ReadyMount[]> {
  const ready: ReadyMount[] = [];
  const mounted: MountSpec[] = [];
  try {
    for (const mount of container.document.specification.mounts) {
      if (mount.kind === "volume") {
        const own = await readyVolume(context, container, mount);
        const volume = context.volumes.find(mount.volume);
        if (volume === undefined || volume.driver === localDriver) ready.push(own);
        else {
          const source = await mountForeign(context, volume, useOf(user, mount.target));
          mounted.push(mount);
          ready.push({ ...own, source });
        }
        continue;
      }
      if (mount.kind === "bind" && mount.createSource) makeSource(mount.source);
      ready.push(mount);
    }
    return ready;
  } catch (thrown) {
    await releaseForeign(context, { id: user }, mounted);
    throw thrown;
  }
}

/** The same without making anything: what is missing is named as it would be. */
export function lookAtMounts({ volumes }: MountsContext, container: Container): ReadyMount[] {
  return container.document.specification.mounts.map((mount): ReadyMount => {
    if (mount.kind !== "volume") return mount;
    const { volume: name, target, readOnly, subpath = "" } = mount;
    return { kind: "volume", name, source: volumes.placeOf(name), target, readOnly, subpath };
  });
}

/**
 * Makes and fills the volumes of a container that is not to start yet. Returns the names of those that were not there before,
 * which go again when the creation fails.
 */
export async function makeVolumes(context: MountsContext, container: Container): Promise<readonly string[]> {
  const made: string[] = [];
  for (const mount of container.document.specification.mounts) {
    if (mount.kind !== "volume") continue;
    const isNew = context.volumes.find(mount.volume) === undefined;
    try {
      await readyVolume(context, container, mount);
    } catch (thrown) {
      for (const name of made) await context.volumes.removeWithDriver(name, true);
      throw thrown;
    }
    if (isNew) made.push(mount.volume);
  }
  return made;
}

/** Not `notFound`: clients would take it for the image's. */
function volumeRefusal(thrown: unknown): unknown {
  if (!(thrown instanceof TiffinError && thrown.kind === "notFound")) return thrown;
  return new TiffinError("invalid", thrown.code, thrown.message, {
    cause: thrown,
    ...(thrown.remedy !== undefined && { remedy: thrown.remedy }),
  });
}

type ReadyVolume = Extract<ReadyMount, { kind: "volume" }>;

async function readyVolume(
  context: MountsContext,
  container: Container,
  mount: Extract<MountSpec, { kind: "volume" }>,
): Promise<ReadyVolume> {
  const { volume: name, target, readOnly, copy, driver = localDriver, driverOptions = {}, labels } = mount;
  const { document, state } = container;
  const anonymous = isAnonymousName(name);
  const wishes: VolumeWishes = {
    anonymous,
    driver,
    options: driverOptions,
    ...(labels !== undefined && { labels }),
    durable: !(anonymous && document.specification.removeWhenEnded),
    // Only the first start fills: who empties a volume later wants it empty.
    ...(copy && state.status === "created" && { fill: (into) => copyUp(context, container, target, into) }),
  };
  const isNew = context.volumes.find(name) === undefined;
  if (isNew && driver === localDriver) checkLocalOptions(name, driverOptions);
  const volume = await context.volumes.ensure(name, wishes).catch((thrown: unknown) => {
    throw volumeRefusal(tellingOfNoRoom(`volume ${name}`, context.paths.volumes, thrown));
  });
  if (isNew) context.events.emit("volume", "create", name, { driver: volume.driver });
  const local = volume.driver === localDriver ? localMountOf(name, volume.options) : undefined;
  const mounted = local === undefined ? undefined : await addressed(name, local);
  return {
    kind: "volume",
    name,
    source: volume.directory,
    target,
    readOnly: readOnly || isReadOnlyMount(mounted),
    subpath: mount.subpath ?? "",
    ...(mounted !== undefined && { mounted }),
  };
}

async function copyUp(
  context: MountsContext,
  container: Container,
  target: string,
  into: string,
): Promise<void> {
  using root = openRootLayers(context.layers, container.id, container.document.image.chain);
  await copyFromLayers(root.layers, target, into);
}

function makeSource(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  } catch (thrown) {
    // A file may be bound too; whatever else is wrong shows when it is opened.
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    if (code === "EEXIST") return;
    const number = own<number>(errno, code);
    const why = number === undefined ? messageOf(thrown) : `${errnoText(number)} (${code})`;
    throw new TiffinError(
      "invalid",
      "container.bind-source",
      `error while creating mount source path '${path}': mkdir ${path}: ${why}`,
      {
        cause: thrown,
        exitCode: 125,
        remedy: "choose a source that exists, or a place where a directory can be made",
      },
    );
  }
}

export interface OpenedBinds {
  /** What the compiler wants to know, by index into the specification's mounts. */
  readonly sources: ReadonlyMap<number, BindSource>;
  /** The descriptors by slot name. The caller closes them. */
  readonly fds: readonly (readonly [string, OwnedFd])[];
}

/**
 * Opens every bind of the specification's mounts. `donor` is the container whose shared memory is shared. Errors:
 * `container.bind-source`, Docker's words.
 */
export function openBinds(
  context: MountsContext,
  mounts: readonly OciMount[],
  ready: readonly ReadyMount[],
  donor: Container | undefined,
  /** A missing source is taken for a directory, and file systems of volumes are not made. */
  onlyLook = false,
): OpenedBinds {
  const byTarget = new Map(ready.map((mount) => [mount.target, mount]));
  const sources = new Map<number, BindSource>();
  const fds: [string, OwnedFd][] = [];
  try {
    for (const [index, mount] of mounts.entries()) {
      if (mount.type !== "bind" || mount.source === undefined) continue;
      if (mount.source === donorSharedMemory && donor !== undefined) {
        fds.push([`bind:${index}`, mountOfContainer(donor, sharedMemory)]);
        sources.set(index, { kind: "directory", received: true, detached: true });
        continue;
      }
      const wanted = byTarget.get(mount.destination);
      if (onlyLook && (!existsSync(mount.source) || wanted?.kind === "image")) {
        sources.set(index, { kind: "directory" });
        continue;
      }
      const made = wanted === undefined || onlyLook ? undefined : openReady(context, wanted);
      const fd = made ?? openSource(mount.source);
      fds.push([`bind:${index}`, fd]);
      const kind = fstatSync(fd.raw).isDirectory() ? "directory" : "file";
      sources.set(index, { kind, received: true, ...(made !== undefined && { detached: true }) });
    }
    return { sources, fds };
  } catch (thrown) {
    for (const [, fd] of fds) fd[Symbol.dispose]();
    throw thrown;
  }
}

function missingSource(path: string): TiffinError {
  return new TiffinError("invalid", "container.bind-source", bindSourceMissing(path), {
    exitCode: 125,
    remedy: "create it first, or bind it with -v, which makes a directory",
  });
}

/** Creation already tells about a source that `--mount` will not find. */
export function refuseMissingSource(path: string): void {
  if (!existsSync(path)) throw missingSource(path);
}

function openSource(path: string): OwnedFd {
  try {
    return openFile(undefined, path, openFlags.path);
  } catch (thrown) {
    if (thrown instanceof SyscallError && (thrown.code === "ENOENT" || thrown.code === "ENOTDIR")) {
      throw missingSource(path);
    }
    throw thrown;
  }
}

/** What the container sees mounted at `path`, as a mount of its own. */
function mountOfContainer(container: Container, path: string): OwnedFd {
  using namespace = openOfProcess(container, "ns/mnt", openFlags.readOnly);
  return mountOfNamespace(namespace, path);
}
