/**
 * The lever of the tests that fail a start at each of its steps. `TIFFIN_FAILPOINT=op:K` puts an operation that cannot
 * succeed in front of operation K of the plan, `host:K` in front of operation K on the host. A plan that has no such
 * operation stays as it is.
 */
import { slotNone } from "../../abi/schema.ts";
import type { HostOp, Plan, ProcessOp } from "../../plan/plan.ts";

const missing = "/does/not/exist";
const explanation = { cause: "TIFFIN_FAILPOINT", target: missing, inverse: "" };
/** The last slot there can be, which no plan comes near. */
const freeSlot = 255;

/** `plan` with the failure that `setting` asks for. Other settings change nothing. */
export function failingPlan(plan: Plan, setting: string): Plan {
  const [kind, number = ""] = setting.split(":");
  const at = Number.parseInt(number, 10);
  if (kind === "host") {
    const next = plan.hostOps[at];
    return next === undefined
      ? plan
      : { ...plan, hostOps: plan.hostOps.toSpliced(at, 0, failingHostOp(next)) };
  }
  const next = kind === "op" ? plan.ops[at] : undefined;
  return next === undefined ? plan : { ...plan, ops: plan.ops.toSpliced(at, 0, failingOp(next)) };
}

function failingOp({ stage }: ProcessOp): ProcessOp {
  const fields = { out: freeSlot, dir: slotNone, path: missing, flags: 0, mode: 0, resolve: 0 };
  return { op: "open", stage, fields, ...explanation };
}

function failingHostOp({ directory }: HostOp): HostOp {
  return {
    op: "cgroupWrite",
    hierarchy: "unified",
    directory: `${directory}${missing}`,
    file: "cgroup.procs",
    value: "",
    tolerate: [],
    ...explanation,
  };
}
