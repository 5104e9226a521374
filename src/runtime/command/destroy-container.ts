/** The last act: processes, groups, hooks, record, in an order that can be repeated after a crash at any step. */
import { removeFile } from "../../kernel/files.ts";
import { messageOf } from "../../lib/errors.ts";
import { type ContainerRecord, removeRecord, type StoredContainer } from "./container-record.ts";
import { endProcesses, removeGroups } from "./end-processes.ts";
import { log } from "./error-log.ts";
import { hookState } from "./hook-state.ts";
import { type HookContext, runHostHooks } from "./hooks.ts";

/** Removes everything of the container. A failing hook is a warning, as the specification wants it. */
export async function destroyContainer(
  root: string,
  container: StoredContainer,
  context: HookContext,
): Promise<void> {
  const { id, record } = container;
  await endProcesses(container, context.host);
  await removeGroups(container);
  if (record.startSocket !== undefined) removeFile(`${root}/${record.startSocket}`);
  await runPoststop(id, record, context);
  removeRecord(root, id);
}

async function runPoststop(id: string, record: ContainerRecord, context: HookContext): Promise<void> {
  const state = hookState(id, record, "stopped");
  for (const hook of record.hooks?.poststop ?? []) {
    try {
      await runHostHooks("poststop", [hook], state, 0, context.host);
    } catch (thrown) {
      log(context.log, "warning", messageOf(thrown));
    }
  }
}
