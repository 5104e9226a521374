/** What a creation asks of its place in the network: at most one endpoint, in the network of its mode. Pure. */
import { isIpv4 } from "../../../docker/ip-address.ts";
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import { refuse } from "./refuse.ts";

export interface WantedEndpoint {
  /** Empty: any. */
  readonly address: string;
  readonly mac: string;
}

const hardwareAddress = /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

/** `mode` is the merged one. Errors: `container.endpoint`, `container.conflict-*`. */
export function wantedEndpoint(body: ContainerCreateBody, mode: string): WantedEndpoint {
  const endpoints = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  const [only] = endpoints;
  if (endpoints.length > 1) {
    const names = endpoints.map(([name]) => name).join(", ");
    refuse("endpoint", `Container cannot be connected to network endpoints: ${names}`);
  }
  const [name, settings] = only ?? [mode, null];
  if ((name === "default" ? "bridge" : name) !== mode) {
    refuse(
      "endpoint",
      `conflicting options: settings for network ${JSON.stringify(name)} with the network mode ${JSON.stringify(mode)}`,
    );
  }
  const address = settings?.IPAMConfig?.IPv4Address ?? "";
  const mac = settings?.MacAddress || (body.MacAddress ?? "");
  if (address !== "" && !isIpv4(address)) refuse("endpoint", `invalid IPv4 address: ${address}`);
  if (mac !== "" && !hardwareAddress.test(mac)) {
    refuse("endpoint", `${mac} is not a valid mac address`);
  }
  const placeless = mode === "host" || mode === "none" || mode.startsWith("container:");
  if (placeless && address !== "") {
    refuse("conflict-ip", "conflicting options: ip and the network mode");
  }
  if (placeless && mac !== "") {
    refuse("conflict-mac", "conflicting options: mac-address and the network mode");
  }
  return { address, mac };
}
