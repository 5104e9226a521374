/** `delete`: what is left of a stopped container; with --force, of any. */
import { TiffinError } from "../../../lib/errors.ts";
import { type CommandContext, idOf } from "../command.ts";
import { lockContainer, removeRecord } from "../container-record.ts";
import { destroyContainer } from "../destroy-container.ts";
import { statusOf } from "../status.ts";

export async function deleteContainer(context: CommandContext): Promise<number> {
  const { root, host } = context;
  const id = idOf(context);
  const force = context.flags.switch("force");
  try {
    using container = await lockContainer(root, id, host);
    const status = statusOf(root, container);
    if (!force && status !== "stopped") {
      throw new TiffinError(
        "conflict",
        "runtime.not-stopped",
        `cannot delete container ${id} that is not stopped: ${status}`,
      );
    }
    await destroyContainer(root, container, context);
  } catch (thrown) {
    if (!force || !(thrown instanceof TiffinError)) throw thrown;
    // Its creator died before it had made anything.
    if (thrown.code === "runtime.record-damaged") removeRecord(root, id);
    else if (thrown.code !== "runtime.no-container") throw thrown;
  }
  return 0;
}
