/** The hooks after the container is gone. A failing one is a warning, as the specification wants it. */
import { messageOf } from "../../lib/errors.ts";
import type { ContainerRecord } from "./container-record.ts";
import { type ErrorLog, log } from "./error-log.ts";
import { hookState } from "./hook-state.ts";
import { runHostHooks } from "./hooks.ts";

export function runPoststop(id: string, record: ContainerRecord, to: ErrorLog): void {
  const state = hookState(id, record, "stopped");
  for (const hook of record.hooks?.poststop ?? []) {
    try {
      runHostHooks("poststop", [hook], state, 0);
    } catch (thrown) {
      log(to, "warning", messageOf(thrown));
    }
  }
}
