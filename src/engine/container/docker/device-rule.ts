/** `--device-cgroup-rule` decoded. Pure. */
import { TiffinError } from "../../../lib/errors.ts";
import type { DeviceRule } from "../specification/mod.ts";

/** One rule: `c 42:* rmw`. */
export function decodeDeviceRule(text: string): DeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) {
    throw new TiffinError("invalid", "container.device-rule", `invalid device cgroup rule format: '${text}'`);
  }
  const [, type, major, minor, access = ""] = match;
  return {
    allow: true,
    type: type === "a" || type === "b" ? type : "c",
    ...(major !== "*" && { major: Number(major) }),
    ...(minor !== "*" && { minor: Number(minor) }),
    access,
  };
}
