/**
 * The devices that every container may use, whatever its rules say: those that the specification promises to put
 * into its /dev, its terminals, and making nodes (using one is another right). They come after the bundle's own
 * rules, as in the other runtimes, whose callers rely on it.
 */
import type { OciDeviceCgroupRule, OciResources } from "../../oci/mod.ts";

const useAll = "rwm";

function character(major: number, minor?: number): OciDeviceCgroupRule {
  return { allow: true, type: "c", major, ...(minor !== undefined && { minor }), access: useAll };
}

const standing: readonly OciDeviceCgroupRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  // null, zero, full, random, urandom, tty, console, ptmx, and the terminals of devpts.
  character(1, 3),
  character(1, 5),
  character(1, 7),
  character(1, 8),
  character(1, 9),
  character(5, 0),
  character(5, 1),
  character(5, 2),
  character(136),
];

/** Rules that leave everything allowed need no additions. */
export function withDefaultDevices(resources: OciResources | undefined): OciResources | undefined {
  const rules = resources?.devices;
  if (resources === undefined || rules === undefined || !rules.some(({ allow }) => !allow)) return resources;
  return { ...resources, devices: [...rules, ...standing] };
}

/**
 * Nobody but the root of the host may set device rules. A container of others needs none: it can make no device, and
 * opens those of the host that are bound with the rights of its user.
 */
export function withoutDevices(resources: OciResources | undefined): OciResources | undefined {
  if (resources?.devices === undefined) return resources;
  const { devices: _devices, ...rest } = resources;
  return rest;
}
