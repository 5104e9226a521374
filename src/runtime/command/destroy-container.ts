/** The last act: processes, groups, hooks, record, in an order that can be repeated after a crash at any step. */
import { removeFile } from "../../kernel/files.ts";
import { removeRecord, type StoredContainer } from "./container-record.ts";
import { endProcesses, removeGroups } from "./end-processes.ts";
import type { ErrorLog } from "./error-log.ts";
import { runPoststop } from "./poststop.ts";

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
