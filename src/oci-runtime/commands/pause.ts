/** `pause` and `resume`: the freezer of the container's group. */

import { freezeCgroup, thawCgroup } from "../../kernel/cgroup-processes.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { ContainerGroup } from "../../runtime/groups/mod.ts";
import { type CommandContext, idOf } from "../command.ts";
import { lockContainer, type StoredContainer } from "../container/container-record.ts";
import { type ContainerStatus, statusOf } from "../container/status.ts";

/** An ordinary user may have been given groups in some hierarchies only. */
async function inFreezer(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (thrown) {
    if (!(thrown instanceof SyscallError && thrown.syscall === "freeze" && thrown.code === "ENOENT"))
      throw thrown;
    throw new TiffinError(
      "unavailable",
      "runtime.no-cgroup",
      "the container has no cgroup in a hierarchy with a freezer, so it cannot be paused",
    );
  }
}

function groupOf({ record }: StoredContainer): ContainerGroup {
  if (record.cgroup !== null) return record.cgroup;
  throw new TiffinError(
    "unavailable",
    "runtime.no-cgroup",
    "the container has no cgroup, so it cannot be paused",
  );
}

function check(
  context: CommandContext,
  container: StoredContainer,
  wanted: readonly [ContainerStatus, ...ContainerStatus[]],
): void {
  const status = statusOf(context.root, container);
  if (wanted.includes(status)) return;
  throw new TiffinError("conflict", "runtime.wrong-state", `container not ${wanted[0]}: it is ${status}`);
}

export async function pause(context: CommandContext): Promise<number> {
  using container = await lockContainer(context.root, idOf(context), context.host);
  check(context, container, ["running", "created"]);
  const { facts, directory } = groupOf(container);
  await inFreezer(freezeCgroup(facts, directory));
  return 0;
}

export async function resume(context: CommandContext): Promise<number> {
  using container = await lockContainer(context.root, idOf(context), context.host);
  check(context, container, ["paused"]);
  const { facts, directory } = groupOf(container);
  await thawCgroup(facts, directory);
  return 0;
}
