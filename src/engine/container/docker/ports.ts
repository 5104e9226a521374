/** Published ports: Docker's map of bindings as requests to the network. Pure. */
import { isIpAddress } from "../../../docker/ip-address.ts";
import type { PortBinding, PortMap } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { ExposedPort, WantedPort } from "../specification/mod.ts";

function invalidPort(text: string): TiffinError {
  return new TiffinError("invalid", "container.port", `invalid port specification: "${text}"`);
}

const highestPort = 65_535;

function portNumber(text: string, whole: string): number {
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) > highestPort) throw invalidPort(whole);
  return Number(text);
}

/** `80/tcp` taken apart; the protocol is `tcp` when absent. */
export function decodePortKey(key: string): {
  readonly port: number;
  readonly protocol: ExposedPort["protocol"];
} {
  const [number = "", protocol = "tcp", ...rest] = key.split("/");
  const port = portNumber(number, key);
  if (port === 0 || rest.length > 0) throw invalidPort(key);
  if (protocol === "tcp" || protocol === "udp" || protocol === "sctp") return { port, protocol };
  throw new TiffinError("invalid", "container.port-protocol", `invalid proto: ${protocol}`);
}

/** A key of `ExposedPorts`; undefined when it is none. */
function exposedPort(key: string): ExposedPort | undefined {
  const [, number = "", protocol] = /^([0-9]{1,5})(?:\/(tcp|udp|sctp))?$/.exec(key) ?? [];
  const port = Number(number);
  if (port === 0 || port > highestPort) return undefined;
  return { port, protocol: protocol === "udp" || protocol === "sctp" ? protocol : "tcp" };
}

/** Refuses a port of `ExposedPorts` that is none: whoever lists containers takes it for a number. */
export function validateExposed(keys: readonly string[]): void {
  for (const key of keys) if (exposedPort(key) === undefined) throw invalidPort(key);
}

/** The keys of `ExposedPorts`; what an image calls a port and is none is left out. */
export function exposedPorts(keys: readonly string[]): ExposedPort[] {
  return keys.flatMap((key) => exposedPort(key) ?? []);
}

/** The requests for `bindings`, and with `all` for every exposed port that has none. */
export function decodePorts(
  bindings: PortMap,
  exposed: readonly ExposedPort[],
  all: boolean,
  modes = "",
): WantedPort[] {
  const modeOf = decodeModes(modes);
  const requests = portRequests(bindings, exposed, all);
  return requests.map((request) => {
    const mode = modeOf(`${request.containerPort}/${request.protocol}`);
    return mode === undefined ? request : { ...request, mode };
  });
}

/** How ports are published: one word for all of them, or `80/tcp=socket,53/udp=nat`. */
export const publishAnnotation = "tiffin.publish-mode";

function decodeModes(text: string): (key: string) => WantedPort["mode"] {
  const modes = new Map<string, WantedPort["mode"]>();
  for (const part of text === "" ? [] : text.split(",")) {
    const [, key = "*", mode] = /^(?:([0-9]{1,5}(?:\/(?:tcp|udp|sctp))?)=)?(nat|socket)$/.exec(part) ?? [];
    if (mode !== "nat" && mode !== "socket") {
      throw new TiffinError(
        "invalid",
        "container.port",
        `invalid annotation ${publishAnnotation}: found ${JSON.stringify(part)}, wanted nat, socket or PORT/PROTOCOL=MODE`,
      );
    }
    modes.set(key === "*" || key.includes("/") ? key : `${key}/tcp`, mode);
  }
  return (key) => modes.get(key) ?? modes.get("*");
}

function portRequests(bindings: PortMap, exposed: readonly ExposedPort[], all: boolean): WantedPort[] {
  const requests: WantedPort[] = [];
  for (const [key, list] of Object.entries(bindings)) {
    const { port, protocol } = decodePortKey(key);
    const wanted: readonly PortBinding[] = list === null || list.length === 0 ? [{}] : list;
    for (const binding of wanted) {
      const address = binding.HostIp ?? "";
      if (address !== "" && !isIpAddress(address)) {
        throw new TiffinError("invalid", "container.port", `invalid IP address: ${address}`);
      }
      const [first = "", last] = (binding.HostPort ?? "").split("-");
      const hostPort = first === "" ? 0 : portNumber(first, binding.HostPort ?? "");
      const hostPortEnd = last === undefined ? undefined : portNumber(last, binding.HostPort ?? "");
      if (hostPortEnd !== undefined && hostPortEnd < hostPort) throw invalidPort(binding.HostPort ?? "");
      requests.push({
        containerPort: port,
        protocol,
        hostPort,
        ...(address !== "" && { hostAddress: address }),
        ...(hostPortEnd !== undefined && { hostPortEnd }),
      });
    }
  }
  if (!all) return requests;
  for (const { port, protocol } of exposed) {
    const bound = requests.some((each) => each.containerPort === port && each.protocol === protocol);
    if (!bound) requests.push({ containerPort: port, protocol, hostPort: 0 });
  }
  return requests;
}
