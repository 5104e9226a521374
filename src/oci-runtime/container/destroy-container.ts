/** The last act: processes, groups, hooks, record, in an order that can be repeated after a crash at any step. */
import { removeFile } from "../../kernel/files.ts";
import { requireOwnProcess } from "../host/host.ts";
import { lockKnown, type MainProcess, removeRecord, type StoredContainer } from "./container-record.ts";
import { endProcesses, removeGroups } from "./end-processes.ts";
import { type HookContext, requireOwnHooks } from "./own-hooks.ts";
import { runPoststop } from "./poststop.ts";

/** At the end of a program that the caller has waited for: another command may be at the container already, or done. */
export async function destroyWaitedFor(
  root: string,
  container: StoredContainer & { readonly process: MainProcess },
  context: HookContext,
): Promise<void> {
  const locked = await lockKnown(root, container, context.host);
  if (locked === undefined) return;
  using _locked = locked;
  await destroyContainer(root, container, context);
}

/** Removes everything of the container. A failing hook is a warning, as the specification wants it. */
export async function destroyContainer(
  root: string,
  container: StoredContainer,
  context: HookContext,
): Promise<void> {
  const { id, record } = container;
  if (record.cgroup?.unit !== undefined) requireOwnProcess(context.host, "conversations with systemd");
  requireOwnHooks(context.host, { poststop: record.hooks?.poststop ?? [] });
  await endProcesses(container, context.host);
  await removeGroups(container);
  if (record.resctrl !== undefined) {
    requireOwnProcess(context.host, "resctrl");
    (await import("../../runtime/resctrl-class.ts")).leaveResctrl(record.resctrl);
  }
  if (record.startSocket !== undefined) removeFile(`${root}/${record.startSocket}`);
  await runPoststop(id, record, context);
  removeRecord(root, id);
}
