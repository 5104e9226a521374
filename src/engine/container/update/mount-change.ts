/**
 * Mounts that come and go while a container runs: sources are looked up and volumes made as at a start, then a plan for each
 * attaches it, or takes it off, in the container's mount namespace.
 */
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import type { UndoStack } from "../../../lib/undo-stack.ts";
import { compileMountChange } from "../../../plan/mod.ts";
import { openBinds, readyMounts, releaseForeign } from "../mounts/mod.ts";
import { heldProcess, notRunningError } from "../process/mod.ts";
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

/**
 * One after the other, each pushing what takes it back. The caller unwinds `undo` when this or something later fails. Errors:
 * `conflict` for a place where nothing can be mounted, or a mount that is not there any more.
 */
export async function changeLiveMounts(
  context: UpdateContext,
  container: Container,
  { added, removed }: Pick<MountChange, "added" | "removed">,
  undo: UndoStack,
): Promise<void> {
  const attach = (mount: MountSpec) => perform(context, container, { add: [mount], remove: [] });
  const takeOff = async (mount: MountSpec) => {
    await perform(context, container, { add: [], remove: [mount.target] });
    await releaseForeign(context, container, [mount]);
  };
  for (const mount of removed) {
    await takeOff(mount);
    undo.push(`mount at ${mount.target}`, () => attach(mount));
    context.fail("update.mount");
  }
  for (const mount of added) {
    await attach(mount);
    undo.push(`no mount at ${mount.target}`, () => takeOff(mount));
    context.fail("update.mount");
  }
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
