/** Hooks on the host in a command that a helper may do for its caller. */
import type { OciHooks } from "../../oci/mod.ts";
import type { ErrorLog } from "../error-log.ts";
import { type RuntimeHost, requireOwnProcess } from "../host/host.ts";

/** What hooks run with. */
export interface HookContext {
  readonly host: RuntimeHost;
  readonly log: ErrorLog;
}

/**
 * Hooks on the host are the caller's children: its groups, limits, priority and session are theirs, as with any
 * runtime. To be called before anything is done that cannot be taken back. Throws `NotHere` in a helper.
 */
export function requireOwnHooks(host: RuntimeHost, hooks: OciHooks): void {
  const kinds = [hooks.prestart, hooks.createRuntime, hooks.poststart, hooks.poststop];
  if (kinds.some((kind) => (kind ?? []).length > 0)) requireOwnProcess(host, "hooks on the host");
}
