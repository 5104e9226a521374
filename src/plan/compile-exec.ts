/** One more process in a running container becomes a plan. Pure. */

import type { HostFacts } from "../linux/host-facts.ts";
import type { OciProcess } from "../oci/mod.ts";
import type { ExecOptions, ExecTarget } from "./options.ts";
import type { Plan } from "./plan.ts";

export function compileExec(
  _process: OciProcess,
  _target: ExecTarget,
  _facts: HostFacts,
  _options: ExecOptions,
): Plan {
  return { receives: [], hostOps: [], ops: [], warnings: [] };
}
