/** Whether a container's program could change anything in its network namespace. Pure. */
import { defaultCapabilities } from "../../../linux/capabilities.ts";
import type { ContainerSpecification } from "../specification/mod.ts";

const ordinary: ReadonlySet<string> = new Set(defaultCapabilities);
/** Mounts of nothing that is on the host: behind a path of it may be the settings of the namespace, in another /proc. */
const harmlessMounts: ReadonlySet<string> = new Set(["tmpfs", "image"]);
/** As root it may write to what is below, wherever that can be written to. */
const settings = "/proc/sys";

/**
 * True only where nothing gives it a way: no right over networks, no settings of its own, nothing of the host's below it, its
 * settings write-protected, and one endpoint with nothing that was asked for.
 */
export function cannotChangeNetwork({
  security,
  mounts,
  namespaces,
  network,
  cdiDevices = [],
}: ContainerSpecification): boolean {
  if (network.kind !== "networks" || network.endpoints.length !== 1) return false;
  const [endpoint] = network.endpoints;
  const { linkLocalAddresses = [], links = [], driverOptions = {} } = endpoint ?? {};
  return (
    !security.privileged &&
    security.capabilities.every((name) => ordinary.has(name)) &&
    security.readonlyPaths.includes(settings) &&
    Object.keys(security.sysctls).length === 0 &&
    mounts.every(({ kind }) => harmlessMounts.has(kind)) &&
    namespaces.pid.kind === "private" &&
    namespaces.user === "host" &&
    cdiDevices.length === 0 &&
    linkLocalAddresses.length === 0 &&
    links.length === 0 &&
    Object.keys(driverOptions).length === 0
  );
}
