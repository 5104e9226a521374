/** The hooks after the container is gone. A failing one is a warning, as the specification wants it. */

import { messageOf } from "../../lib/errors.ts";
import { runHostHooks } from "../../runtime/hooks/mod.ts";
import { log } from "../error-log.ts";
import type { ContainerRecord } from "./container-record.ts";
import { hookState } from "./hook-state.ts";
import type { HookContext } from "./own-hooks.ts";

export async function runPoststop(id: string, record: ContainerRecord, context: HookContext): Promise<void> {
  const state = hookState(id, record, "stopped");
  for (const hook of record.hooks?.poststop ?? []) {
    try {
      await runHostHooks("poststop", [hook], state, 0, context.host);
    } catch (thrown) {
      log(context.log, "warning", messageOf(thrown));
    }
  }
}
