/** What a run of a container holds on the host outside its own namespaces, and how it is given back. */
import { removeCgroup, tryRemoveCgroup } from "../../../kernel/cgroup.ts";
import { releaseCgroupParents } from "../../../kernel/cgroup-parents.ts";
import { killCgroup } from "../../../kernel/cgroup-processes.ts";
import { cgroupParentOf } from "../../config.ts";
import { cgroupParentPath } from "../specification/mod.ts";
import type { GroupContext, ProcessContext } from "./context.ts";

/** The parent that the container was created with, clean; undefined for the engine's own. */
export function ownCgroupParent(context: GroupContext, id: string): string | undefined {
  const parent = context.registry.byId(id)?.document.specification.resources.cgroupParent ?? "";
  return parent === "" ? undefined : cgroupParentPath(parent);
}

/** The container's group, named alike in every hierarchy. */
export function cgroupOf(context: GroupContext, id: string): string {
  return `${ownCgroupParent(context, id) ?? cgroupParentOf(context.config.tag)}/${id}`;
}

/** How groups that this engine makes for a user are marked. */
export function cgroupMark(context: GroupContext): string {
  return cgroupParentOf(context.config.tag);
}

/** Takes away what the engine made of the container's own parent, unless it is still in use. */
export function releaseOwnParent(context: ProcessContext, id: string): void {
  const parent = ownCgroupParent(context, id);
  if (parent !== undefined) releaseCgroupParents(context.facts.cgroup, parent, cgroupMark(context));
}

/**
 * Gives back what a run took from the host: each part is tried, whatever happened to the others, and a failure is
 * reported. Idempotent. `kill`: processes of the container may still be alive.
 */
export async function releaseHost(context: ProcessContext, id: string, kill: boolean): Promise<void> {
  const cgroup = cgroupOf(context, id);
  const { cgroup: facts } = context.facts;
  try {
    context.fail("exit.saved");
    if (kill) {
      context.networks.keepOut(id);
      await killCgroup(facts, cgroup);
    }
  } catch (thrown) {
    context.report(thrown);
  }
  try {
    await context.networks.release(id);
    context.fail("exit.network");
  } catch (thrown) {
    context.report(thrown);
  }
  try {
    if (tryRemoveCgroup(facts, cgroup) !== undefined) {
      // Processes that outlived the first one (an exec, or the host's PID namespace) end with the container.
      await killCgroup(facts, cgroup);
      await removeCgroup(facts, cgroup);
    }
    releaseOwnParent(context, id);
    context.fail("exit.cgroup");
  } catch (thrown) {
    context.report(thrown);
  }
}
