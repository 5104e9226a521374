/** Which capabilities a process gets. Pure. */
import { capabilityNames } from "../../../linux/capabilities.ts";

/** Of those that are wanted what `available`, the engine's own bounding set, has; undefined wants all. */
export function grantedCapabilities(
  wanted: readonly string[] | undefined,
  available: readonly string[],
): string[] {
  const names = new Set(wanted ?? capabilityNames);
  return capabilityNames.filter((name) => names.has(name) && available.includes(name));
}
