/** What a run of a container holds on the host outside its own namespaces, and how it is given back. */
import { removeCgroup, tryRemoveCgroup } from "../../kernel/cgroup.ts";
import { killCgroup } from "../../kernel/cgroup-processes.ts";
import { cgroupParentOf } from "../config.ts";
import type { ContainerContext } from "./context.ts";

/** The container's group, named alike in every hierarchy. */
export function cgroupOf(context: ContainerContext, id: string): string {
  return `${cgroupParentOf(context.config.tag)}/${id}`;
}

/**
 * Gives back what a run took from the host: each part is tried, whatever happened to the others, and a failure is
 * reported. Idempotent. `kill`: processes of the container may still be alive.
 */
export async function releaseHost(context: ContainerContext, id: string, kill: boolean): Promise<void> {
  const cgroup = cgroupOf(context, id);
  const { cgroup: facts } = context.facts;
  try {
    context.fail("exit.saved");
    if (kill) await killCgroup(facts, cgroup);
  } catch (thrown) {
    context.report(thrown);
  }
  try {
    await context.network.release(id);
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
    context.fail("exit.cgroup");
  } catch (thrown) {
    context.report(thrown);
  }
}
