/** The hooks after the program has been started. A failing one is a warning, as the specification wants it. */
import { messageOf } from "../../lib/errors.ts";
import type { StoredContainer } from "./container-record.ts";
import { type ErrorLog, log } from "./error-log.ts";
import { hookState } from "./hook-state.ts";
import { runHostHooks } from "./hooks.ts";

export function runPoststart({ id, record, process }: StoredContainer, to: ErrorLog): void {
  const state = hookState(id, record, "running");
  for (const hook of record.hooks?.poststart ?? []) {
    try {
      runHostHooks("poststart", [hook], state, process?.pid ?? 0);
    } catch (thrown) {
      log(to, "warning", messageOf(thrown));
    }
  }
}
