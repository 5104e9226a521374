/**
 * Mounts that come and go while a container runs: sources are looked up and volumes made as at a start, then a plan for each
 * attaches it, or takes it off, in the container's mount namespace.
 */
import { descriptorStatus } from "../../../kernel/directory.ts";
import { openFlags, openInRoot } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import type { UndoStack } from "../../../lib/undo-stack.ts";
import { compileMountChange } from "../../../plan/mod.ts";
import { openBinds, readyMounts, releaseForeign } from "../mounts/mod.ts";
import { heldProcess, notRunningError, openOfProcess } from "../process/mod.ts";
import type { Container } from "../record/mod.ts";
import { userMount } from "../runtime-spec/mod.ts";
import { checkMounts, type MountSpec } from "../specification/mod.ts";
import type { UpdateContext } from "./context.ts";

export interface MountChange {
  /** All that the container has afterwards. */
  readonly mounts: readonly MountSpec[];
  readonly added: readonly MountSpec[];
  readonly removed: readonly MountSpec[];
}

/** Errors: `invalid` for a target that has no mount, or has one already. Pure but for names of anonymous volumes. */
export function decideMounts(
  before: readonly MountSpec[],
  add: readonly MountSpec[],
  remove: readonly string[],
): MountChange {
  for (const target of remove) {
    if (before.some((mount) => mount.target === target)) continue;
    const there = before.map((mount) => mount.target).join(", ");
    throw new TiffinError(
      "invalid",
      "container.no-mount",
      `there is no mount at ${JSON.stringify(target)} that can be removed`,
      {
        remedy: there === "" ? "the container has none of its own" : `the container has ${there}`,
      },
    );
  }
  const removed = before.filter(({ target }) => remove.includes(target));
  const added = add.map((mount) =>
    mount.kind === "volume" && mount.volume === "" ? { ...mount, volume: newId() } : mount,
  );
  const mounts = [...before.filter((mount) => !removed.includes(mount)), ...added];
  checkMounts(mounts);
  return { mounts, added, removed };
}

/** Errors: `conflict` for a mount of the container's that would be taken off, or hidden, with another one above it. */
export function refuseBelow({ mounts, added, removed }: MountChange): void {
  for (const { target } of [...removed, ...added]) {
    const below = mounts.find((mount) => !added.includes(mount) && mount.target.startsWith(`${target}/`));
    if (below === undefined) continue;
    throw new TiffinError(
      "conflict",
      "container.mount-below",
      `the mount at ${target} cannot be changed while the container has one below it, at ${below.target}`,
      { remedy: `take that off too: --mount-rm ${below.target}` },
    );
  }
}

/** Before anything is done, as files of a tmpfs that was taken off do not come back. Errors: `conflict` for what is not there any more. */
export function refuseMissingMounts(container: Container, { removed }: MountChange): void {
  if (removed.length === 0) return;
  using root = openOfProcess(container, "root", openFlags.path | openFlags.directory);
  for (const { target } of removed) {
    if (isMountPoint(root, target)) continue;
    throw new TiffinError(
      "conflict",
      "container.mount-change",
      `cannot take off the mount at ${target} of container ${container.name}: nothing is mounted there any more`,
    );
  }
}

function isMountPoint(root: OwnedFd, path: string): boolean {
  try {
    using place = openInRoot(root, path, openFlags.path | openFlags.noFollow);
    return descriptorStatus(place).isMountPoint;
  } catch (thrown) {
    if (thrown instanceof SyscallError) return false;
    throw thrown;
  }
}

/**
 * What comes where nothing was: early, as it can be taken back without a trace. One after the other, each pushing what takes it back; the
 * caller unwinds `undo` when this or something later fails. Errors: `conflict` for a place where nothing can be mounted.
 */
export async function attachLive(
  context: UpdateContext,
  container: Container,
  change: MountChange,
  undo: UndoStack,
): Promise<void> {
  await attachAll(
    context,
    container,
    change.added.filter((mount) => !replaces(change, mount)),
    undo,
  );
}

/**
 * What goes, and what comes in its place: last of all, as files of a tmpfs go with it and no undo brings them back. Errors: `conflict` for
 * a mount that is not there any more.
 */
export async function takeOffLive(
  context: UpdateContext,
  container: Container,
  change: MountChange,
  undo: UndoStack,
): Promise<void> {
  for (const mount of byDepth(change.removed).toReversed()) {
    await takeOff(context, container, mount);
    undo.push(`mount at ${mount.target}`, () => attach(context, container, mount));
    context.fail("update.unmount");
  }
  await attachAll(
    context,
    container,
    change.added.filter((mount) => replaces(change, mount)),
    undo,
  );
}

function replaces({ removed }: MountChange, { target }: MountSpec): boolean {
  return removed.some((mount) => mount.target === target);
}

/** Those below others after them. */
function byDepth(mounts: readonly MountSpec[]): MountSpec[] {
  const depth = ({ target }: MountSpec): number => target.split("/").length;
  return mounts.toSorted((one, other) => depth(one) - depth(other));
}

async function attachAll(
  context: UpdateContext,
  container: Container,
  mounts: readonly MountSpec[],
  undo: UndoStack,
): Promise<void> {
  for (const mount of byDepth(mounts)) {
    const made =
      mount.kind === "volume" && context.volumes.find(mount.volume) === undefined ? mount : undefined;
    const discard = async (): Promise<void> => {
      if (made !== undefined) await discardVolume(context, made.volume);
    };
    try {
      await attach(context, container, mount);
    } catch (thrown) {
      await discard();
      throw thrown;
    }
    undo.push(`no mount at ${mount.target}`, async () => {
      await takeOff(context, container, mount);
      await discard();
    });
    context.fail("update.mount");
  }
}

/** It was made for a mount that does not come; somebody else may have found it useful meanwhile. */
async function discardVolume({ volumes, registry, events }: UpdateContext, name: string): Promise<void> {
  const volume = volumes.find(name);
  const isUsed = [...registry.all()].some(({ document }) =>
    document.specification.mounts.some((mount) => mount.kind === "volume" && mount.volume === name),
  );
  if (volume === undefined || isUsed) return;
  await volumes.removeWithDriver(name, true);
  events.emit("volume", "destroy", name, { driver: volume.driver });
}

async function attach(context: UpdateContext, container: Container, mount: MountSpec): Promise<void> {
  await perform(context, container, { add: [mount], remove: [] });
}

async function takeOff(context: UpdateContext, container: Container, mount: MountSpec): Promise<void> {
  await perform(context, container, { add: [], remove: [mount.target] });
  await releaseForeign(context, container, [mount]);
}

/** Attaches or takes off, or does nothing and throws. */
async function perform(
  context: UpdateContext,
  container: Container,
  { add, remove }: { readonly add: readonly MountSpec[]; readonly remove: readonly string[] },
): Promise<void> {
  const { specification } = container.document;
  const document = { ...container.document, specification: { ...specification, mounts: add } };
  // A new volume is filled with what the image has there, as at the first start.
  const ready = await readyMounts(context, { ...container, document, state: { status: "created" } });
  const mounts = ready.map(userMount);
  const binds = openBinds(context, mounts, ready, undefined);
  const fds = new Map<string, OwnedFd>(binds.fds);
  try {
    const pidfd = heldProcess(container).pidfd();
    if (pidfd === undefined) throw notRunningError(container.id);
    fds.set("pidfd", pidfd);
    const change = { id: container.id, add: mounts, remove, bindSources: binds.sources, linux: {} };
    const process = await context.runtime.launch({ plan: compileMountChange(change, context.facts), fds });
    const { exitCode } = await process.exited;
    if (exitCode !== 0) throw new Error(`its process ended with ${exitCode}`);
  } catch (thrown) {
    await releaseForeign(context, container, add);
    const what = add.length > 0 ? "attach the mount at" : "take off the mount at";
    const place = add[0]?.target ?? remove[0] ?? "";
    throw new TiffinError(
      "conflict",
      "container.mount-change",
      `cannot ${what} ${place} of container ${container.name}: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  } finally {
    for (const fd of fds.values()) fd[Symbol.dispose]();
  }
}
