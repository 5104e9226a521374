/** What a creation asks of its place in the network: at most one endpoint, in the network of its mode. Pure. */
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import { defaultNetworkName, refuse, type WantedEndpoint } from "../specification/mod.ts";

/** `mode` is the merged one. Errors: `container.endpoint`, `container.conflict-*`. */
export function wantedEndpoint(body: ContainerCreateBody, mode: string): WantedEndpoint {
  const endpoints = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  const [only] = endpoints;
  if (endpoints.length > 1) {
    const names = endpoints.map(([name]) => name).join(", ");
    refuse("endpoint", `Container cannot be connected to network endpoints: ${names}`);
  }
  const [name, settings] = only ?? [mode, null];
  if ((name === "default" ? defaultNetworkName : name) !== mode) {
    refuse(
      "endpoint",
      `conflicting options: settings for network ${JSON.stringify(name)} with the network mode ${JSON.stringify(mode)}`,
    );
  }
  const address = settings?.IPAMConfig?.IPv4Address ?? "";
  const mac = settings?.MacAddress || (body.MacAddress ?? "");
  const placeless = mode === "host" || mode === "none" || mode.startsWith("container:");
  if (placeless && address !== "") {
    refuse("conflict-ip", "conflicting options: ip and the network mode");
  }
  if (placeless && mac !== "") {
    refuse("conflict-mac", "conflicting options: mac-address and the network mode");
  }
  return { network: mode, address, mac };
}
