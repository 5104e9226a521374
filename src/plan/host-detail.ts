/** The rest of an operation on the host in words. */
import type { HostOp } from "./plan.ts";
import { type Say, sayEnglish } from "./say/mod.ts";

export function hostDetail(op: HostOp, say: Say = sayEnglish): string {
  switch (op.op) {
    case "cgroupCreate":
      return "";
    case "cgroupWrite":
      return [JSON.stringify(op.value), ...op.tolerate.map((errno) => say("or {0}", errno))].join(" ");
    case "cgroupDeviceProgram":
      return say("{0} instructions", op.program.length / 8);
  }
}
