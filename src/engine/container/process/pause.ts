/** Stopping all processes of a container where they are, and letting them go on. */
import { alreadyPaused, notPaused } from "../../../docker/messages.ts";
import { freezeCgroup, isCgroupFrozen, thawCgroup } from "../../../kernel/cgroup-processes.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { tellEvent } from "../context.ts";
import type { Container } from "../record/mod.ts";
import type { ProcessContext } from "./context.ts";
import { cgroupOf } from "./host-part.ts";
import { meetingEnd, notRunningError, refuseRestarting } from "./meeting-end.ts";

function conflict(code: string, text: string): TiffinError {
  return new TiffinError("conflict", code, text);
}

/** Errors: `conflict` when it does not run or is paused already. Resolves when every process has stopped. */
export async function pauseContainer(context: ProcessContext, container: Container): Promise<void> {
  const { id, process } = container;
  if (container.state.status === "paused") throw conflict("container.paused", alreadyPaused(id));
  refuseRestarting(container);
  if (container.state.status !== "running") throw notRunningError(id);
  const { cgroup } = context.facts;
  await meetingEnd(container, () => freezeCgroup(cgroup, cgroupOf(context, id)));
  // One that ended meanwhile has left nothing to be thawed. Otherwise what else is known of the run may be new.
  const { state } = container;
  if (container.process !== process || state.status !== "running") throw notRunningError(id);
  try {
    context.fail("pause.frozen");
    context.registry.setState(container, { ...state, status: "paused" });
  } catch (thrown) {
    await thawCgroup(cgroup, cgroupOf(context, id));
    throw thrown;
  }
  tellEvent(context, container, "pause");
}

/** Errors: `conflict` when it is not paused. */
export async function unpauseContainer(context: ProcessContext, container: Container): Promise<void> {
  const { id, process } = container;
  if (container.state.status !== "paused") throw conflict("container.not-paused", notPaused(id));
  await meetingEnd(container, () => thawCgroup(context.facts.cgroup, cgroupOf(context, id)));
  const { state } = container;
  if (container.process !== process || state.status !== "paused") return;
  try {
    context.fail("pause.thawed");
    context.registry.setState(container, { ...state, status: "running" });
  } catch (thrown) {
    await freezeCgroup(context.facts.cgroup, cgroupOf(context, id));
    throw thrown;
  }
  tellEvent(context, container, "unpause");
}

/** After a crash: an engine that died between group and row has not said that it was paused, or goes on. */
export async function matchFreezer(context: ProcessContext, { state, id }: Container): Promise<void> {
  const [facts, group] = [context.facts.cgroup, cgroupOf(context, id)];
  const isFrozen = isCgroupFrozen(facts, group);
  if (state.status === "running" && isFrozen) await thawCgroup(facts, group);
  if (state.status === "paused" && !isFrozen) await freezeCgroup(facts, group);
}

/** What a signal that is to end it does first: nobody who is stopped acts on one. */
export async function unpauseForSignal(context: ProcessContext, container: Container): Promise<void> {
  if (container.state.status !== "paused") return;
  try {
    await unpauseContainer(context, container);
  } catch (thrown) {
    // Some end although they are stopped, as those that get SIGKILL do in cgroup v2.
    if (!(thrown instanceof TiffinError && thrown.kind === "conflict")) throw thrown;
  }
}
