/** The rest of an operation on the host in words. */
import type { HostOp } from "./plan.ts";

export function hostDetail(op: HostOp): string {
  switch (op.op) {
    case "cgroupCreate":
      return "";
    case "cgroupWrite":
      return [JSON.stringify(op.value), ...op.tolerate.map((errno) => `or ${errno}`)].join(" ");
    case "cgroupDeviceProgram":
      return `${op.program.length / 8} instructions`;
  }
}
