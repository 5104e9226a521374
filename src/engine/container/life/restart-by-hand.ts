/** A client has a container end and start again. */
import { TiffinError } from "../../../lib/errors.ts";
import { enqueue, tellEvent } from "../context.ts";
import { removeContainer, type StopOptions, stopContainer } from "../end/mod.ts";
import { type Container, countsAsRunning } from "../record/mod.ts";
import { startContainer } from "../start/mod.ts";
import type { LifeContext } from "./context.ts";
import { forgetRestarts } from "./restart.ts";

/** One that does not run is started. Errors: those of a stop and of a start. */
export async function restartContainer(
  context: LifeContext,
  container: Container,
  options: StopOptions,
): Promise<void> {
  container.returning = true;
  try {
    await stopIfRunning(context, container, options);
    context.fail("restart.stopped");
    await enqueue(container, async () => {
      if (countsAsRunning(container.state)) return;
      forgetRestarts(container);
      context.layers.mountAgain(container.id);
      await startContainer(context, container);
    });
  } catch (thrown) {
    container.returning = false;
    const { removeWhenEnded } = container.document.specification;
    if (removeWhenEnded && container.state.status === "exited") {
      await removeContainer(context, container, { force: true, volumes: true });
    }
    throw thrown;
  } finally {
    container.returning = false;
  }
  tellEvent(context, container, "restart");
}

async function stopIfRunning(
  context: LifeContext,
  container: Container,
  options: StopOptions,
): Promise<void> {
  try {
    await stopContainer(context, container, options);
  } catch (thrown) {
    if (!(thrown instanceof TiffinError && thrown.kind === "notModified")) throw thrown;
  }
}
