/** The last act: processes, groups, hooks, record, in an order that can be repeated after a crash at any step. */
import { removeFile } from "../../kernel/files.ts";
import { messageOf } from "../../lib/errors.ts";
import { type ContainerRecord, removeRecord, type StoredContainer } from "./container-record.ts";
import { endProcesses, removeGroups } from "./end-processes.ts";
import { type ErrorLog, log } from "./error-log.ts";
import { hookState } from "./hook-state.ts";
import { runHostHooks } from "./hooks.ts";

/** Removes everything of the container. A failing hook is a warning, as the specification wants it. */
export async function destroyContainer(
  root: string,
  container: StoredContainer,
  to: ErrorLog,
): Promise<void> {
  const { id, record } = container;
  await endProcesses(container);
  await removeGroups(container);
  if (record.startSocket !== undefined) removeFile(`${root}/${record.startSocket}`);
  runPoststop(id, record, to);
  removeRecord(root, id);
}

function runPoststop(id: string, record: ContainerRecord, to: ErrorLog): void {
  const state = hookState(id, record, "stopped");
  for (const hook of record.hooks?.poststop ?? []) {
    try {
      runHostHooks("poststop", [hook], state, 0);
    } catch (thrown) {
      log(to, "warning", messageOf(thrown));
    }
  }
}
