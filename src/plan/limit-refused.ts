/** The error for a limit that this machine cannot keep. */
import { TiffinError } from "../lib/errors.ts";
import type { CgroupRefusal } from "../linux/cgroup.ts";

export function limitRefused({ cause, why }: CgroupRefusal): TiffinError {
  return new TiffinError("unavailable", "plan.limit-unavailable", `${cause} cannot be kept: ${why}`);
}
