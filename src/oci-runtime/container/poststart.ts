/**
 * The hooks after the program has been started. The first that fails ends the container, as the specification wants
 * it since 1.3: stopped, destroyed, an error.
 */

import { runHostHooks } from "../../runtime/hooks/mod.ts";
import type { StoredContainer } from "./container-record.ts";
import { destroyContainer } from "./destroy-container.ts";
import { hookState } from "./hook-state.ts";
import type { HookContext } from "./own-hooks.ts";

export async function runPoststart(
  root: string,
  container: StoredContainer,
  context: HookContext,
): Promise<void> {
  const { id, record, process } = container;
  const hooks = record.hooks?.poststart ?? [];
  if (hooks.length === 0) return;
  try {
    await runHostHooks("poststart", hooks, hookState(id, record, "running"), process?.pid ?? 0, context.host);
  } catch (thrown) {
    await destroyContainer(root, container, context);
    throw thrown;
  }
}
