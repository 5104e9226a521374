/** The part of the state document that hooks are told, from what is recorded. */
import { specificationVersion } from "../../oci/version.ts";
import type { HookState } from "../../runtime/hooks/mod.ts";
import type { ContainerRecord } from "./container-record.ts";

export function hookState(
  id: string,
  { bundle, annotations }: Pick<ContainerRecord, "bundle" | "annotations">,
  status: HookState["status"],
): HookState {
  return {
    ociVersion: specificationVersion,
    id,
    status,
    bundle,
    ...(annotations !== undefined && { annotations }),
  };
}
