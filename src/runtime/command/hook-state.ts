/** The part of the state document that hooks are told, from what is recorded. */
import type { ContainerRecord } from "./container-record.ts";
import type { HookState } from "./hooks.ts";

export function hookState(
  id: string,
  { ociVersion, bundle, annotations }: Pick<ContainerRecord, "ociVersion" | "bundle" | "annotations">,
  status: HookState["status"],
): HookState {
  return { ociVersion, id, status, bundle, ...(annotations !== undefined && { annotations }) };
}
