/** An OCI specification becomes a plan. Pure: the host is known through `facts` only. */

import type { HostFacts } from "../linux/host-facts.ts";
import type { RuntimeSpec } from "../oci/mod.ts";
import type { ContainerOptions } from "./options.ts";
import type { Plan } from "./plan.ts";

/** Throws TiffinError `invalid` for a specification that cannot be, `notImplemented` for one that is not known. */
export function compileContainer(_spec: RuntimeSpec, _facts: HostFacts, _options: ContainerOptions): Plan {
  return { receives: [], hostOps: [], ops: [], warnings: [] };
}
