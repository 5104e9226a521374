/** `delete`: what is left of a stopped container; with --force, of any. */
import { TiffinError } from "../../lib/errors.ts";
import { type CommandContext, idOf } from "../command.ts";
import {
  damagedProcess,
  lockContainer,
  removeRecord,
  type StoredContainer,
} from "../container/container-record.ts";
import { destroyContainer } from "../container/destroy-container.ts";
import { endMainProcess, endProcesses } from "../container/end-processes.ts";
import { statusOf } from "../container/status.ts";

export async function deleteContainer(context: CommandContext): Promise<number> {
  const { root, host } = context;
  const id = idOf(context);
  const force = context.flags.switch("force");
  try {
    // Whoever is at it may be waiting for the very processes that are to go, such as a hook that does not end.
    const ifHeld = (held: StoredContainer): Promise<void> => endProcesses(held, host);
    using container = await lockContainer(root, id, host, force ? ifHeld : undefined);
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
    // Its creator died before it had made anything, or a disk has lost the rest.
    if (thrown.code === "runtime.record-damaged") {
      const process = damagedProcess(root, id);
      if (process !== undefined) await endMainProcess(id, process, host);
      removeRecord(root, id);
    } else if (thrown.code !== "runtime.no-container") throw thrown;
  }
  return 0;
}
