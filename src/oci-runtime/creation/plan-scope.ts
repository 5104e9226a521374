/** A container's group from systemd: that conversation may take long, so a helper has it for nobody. */
import type { HostFacts } from "../../linux/host-facts.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import type { PlannedScope } from "../../runtime/systemd/mod.ts";
import { type RuntimeHost, requireOwnProcess } from "../host/host.ts";

/** See `planScope`. Throws `NotHere` in a helper. */
export async function planScopeFor(
  id: string,
  spec: RuntimeSpec,
  facts: HostFacts,
  host: RuntimeHost,
): Promise<PlannedScope> {
  requireOwnProcess(host, "conversations with systemd");
  return (await import("../../runtime/systemd/mod.ts")).planScope(id, spec, facts, host.env);
}
