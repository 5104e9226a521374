/** The hooks after the program has been started. A failing one is a warning, as the specification wants it. */
import { messageOf } from "../../lib/errors.ts";
import type { StoredContainer } from "./container-record.ts";
import { log } from "./error-log.ts";
import { hookState } from "./hook-state.ts";
import { type HookContext, runHostHooks } from "./hooks.ts";

export async function runPoststart(
  { id, record, process }: StoredContainer,
  context: HookContext,
): Promise<void> {
  const state = hookState(id, record, "running");
  for (const hook of record.hooks?.poststart ?? []) {
    try {
      await runHostHooks("poststart", [hook], state, process?.pid ?? 0, context.host);
    } catch (thrown) {
      log(context.log, "warning", messageOf(thrown));
    }
  }
}
