/** The parts of a container that `list` and `inspect` both show. Pure, but for the clock given. */

import type { ContainerStatusWord, MountPoint, PortSummary } from "../../../docker/types/container.ts";
import type { PortMap } from "../../../docker/types/host-config.ts";
import type { EndpointSettings } from "../../../docker/types/networking.ts";
import { shortId } from "../../../lib/ids.ts";
import { own } from "../../../lib/own.ts";
import { builtInIds, type EndpointRecord, isBuiltIn, type Networks } from "../../network/mod.ts";
import {
  type Container,
  type ContainerDocument,
  type ContainerState,
  type Health,
  holdOf,
  holdsNothing,
  isAlive,
  type NetworkHold,
} from "../record/mod.ts";
import { cleanPath, type MountSpec, type WantedEndpoint } from "../specification/mod.ts";
import { durationText } from "./duration-text.ts";

/** Docker's word for a state. */
export function statusWord(state: ContainerState): ContainerStatusWord {
  return state.status === "starting" ? "created" : state.status;
}

/** `Up 3 minutes (healthy)`, `Exited (0) 2 hours ago`. */
export function statusText(state: ContainerState, nowMs: number, health?: Health): string {
  switch (state.status) {
    case "created":
    case "starting":
      return "Created";
    case "running":
      return `Up ${durationText(nowMs - state.startedAtMs)}${healthText(health)}`;
    case "paused":
      return `Up ${durationText(nowMs - state.startedAtMs)} (Paused)`;
    case "exited": {
      const { exitCode, finishedAtMs } = state.ending;
      return `Exited (${exitCode}) ${durationText(nowMs - finishedAtMs)} ago`;
    }
    case "restarting": {
      const { exitCode, finishedAtMs } = state.ending;
      return `Restarting (${exitCode}) ${durationText(nowMs - finishedAtMs)} ago`;
    }
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
  }
}

function healthText(health: Health | undefined): string {
  if (health === undefined) return "";
  return health.status === "starting" ? " (health: starting)" : ` (${health.status})`;
}

/** What the container holds of networks while it lives. */
export function heldBy(state: ContainerState): NetworkHold {
  return isAlive(state) ? holdOf(state) : holdsNothing;
}

/** `Ports` of inspect: published ones with their bindings, exposed ones with null; none without a network of its own to have them in. */
export function portMapOf(container: Container): PortMap {
  if (!isAlive(container.state) || container.document.specification.network.kind !== "networks") return {};
  const map: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const { port, protocol } of container.document.specification.exposed)
    map[`${port}/${protocol}`] = null;
  for (const port of heldBy(container.state).ports) {
    const key = `${port.containerPort}/${port.protocol}`;
    const list = own(map, key) ?? [];
    list.push({ HostIp: port.hostAddress, HostPort: String(port.hostPort) });
    map[key] = list;
  }
  return map;
}

/** `Ports` of list. */
export function portSummaries(container: Container): PortSummary[] {
  return Object.entries(portMapOf(container)).flatMap(([key, bindings]): PortSummary[] => {
    const [port = "", type = "tcp"] = key.split("/");
    const exposed = { PrivatePort: Number(port), Type: type };
    if (bindings === null) return [exposed];
    return bindings.map((binding) => ({
      ...exposed,
      IP: binding.HostIp ?? "",
      PublicPort: Number(binding.HostPort),
    }));
  });
}

/** What is asked of each network that the container is to be in; `host` and `none` are networks too, to clients. */
export function wantedBy({ document }: Container): readonly WantedEndpoint[] {
  const { network } = document.specification;
  switch (network.kind) {
    case "container":
      return [];
    case "networks":
      return network.endpoints;
    case "host":
    case "none":
      return [{ network: network.kind, address: "", mac: "" }];
  }
}

/** The networks that the container is in, by name. */
export function networksOf(container: Container, networks: Networks): Record<string, EndpointSettings> {
  const { endpoints } = heldBy(container.state);
  return Object.fromEntries(
    wantedBy(container).map((wanted) => {
      const network = networks.find(wanted.network);
      const endpoint = endpoints.find((each) => each.network === network?.id);
      const names = network === undefined || isBuiltIn(network.id) ? null : namesIn(container, wanted);
      return [wanted.network, settingsOf(wanted, network?.id ?? "", endpoint, container.id, names)];
    }),
  );
}

function settingsOf(
  wanted: WantedEndpoint,
  networkId: string,
  endpoint: EndpointRecord | undefined,
  containerId: string,
  names: readonly string[] | null,
): EndpointSettings {
  const { aliases = [], links = [], driverOptions = {}, gatewayPriority = 0 } = wanted;
  return {
    IPAMConfig: ipamOf(wanted),
    Links: links.length === 0 ? null : links.map(({ container, alias }) => `${container}:${alias}`),
    Aliases: aliases.length === 0 ? null : aliases,
    DriverOpts: Object.keys(driverOptions).length === 0 ? null : driverOptions,
    NetworkID: networkId,
    EndpointID: endpoint === undefined ? "" : endpoint.id || containerId,
    Gateway: endpoint?.gateway ?? "",
    IPAddress: endpoint?.address ?? "",
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    MacAddress: endpoint?.mac ?? "",
    IPv6Gateway: endpoint?.ipv6?.gateway ?? "",
    GlobalIPv6Address: endpoint?.ipv6?.address ?? "",
    GlobalIPv6PrefixLen: endpoint?.ipv6?.prefixLength ?? 0,
    GwPriority: gatewayPriority,
    DNSNames: names,
  };
}

function ipamOf({
  address,
  address6 = "",
  linkLocalAddresses = [],
}: WantedEndpoint): EndpointSettings["IPAMConfig"] {
  if (address === "" && address6 === "" && linkLocalAddresses.length === 0) return null;
  return {
    ...(address !== "" && { IPv4Address: address }),
    ...(address6 !== "" && { IPv6Address: address6 }),
    ...(linkLocalAddresses.length > 0 && { LinkLocalIPs: linkLocalAddresses }),
  };
}

/** By what names its neighbours in a network find a container. */
export function namesIn({ id, name, document }: Container, { aliases = [] }: WantedEndpoint): string[] {
  return [...new Set([name, ...aliases, shortId(id), document.specification.hostname])];
}

/** The endpoint in the default network, which answers of old show beside the list. */
export function defaultEndpointOf(state: ContainerState): EndpointRecord | undefined {
  return heldBy(state).endpoints.find(({ network }) => network === builtInIds.bridge);
}

/** `Mounts` of list and inspect. As in Docker, what `--tmpfs` asked for is in `HostConfig.Tmpfs` alone. */
export function mountPoints({ specification, docker }: ContainerDocument, volumes: string): MountPoint[] {
  const elsewhere = new Set(Object.keys(docker?.host.Tmpfs ?? {}).map(cleanPath));
  return specification.mounts
    .filter(({ kind, target }) => kind !== "tmpfs" || !elsewhere.has(target))
    .map((mount) => ({ ...mountPoint(mount, volumes), ...askedMode(mount, docker) }));
}

/** The words behind the second colon of `-v`; a volume that somebody has named has Docker's `z` when there are none. */
function askedMode({ target }: MountSpec, docker: ContainerDocument["docker"]): Pick<MountPoint, "Mode"> {
  for (const bind of docker?.host.Binds ?? []) {
    const [source = "", place = "", words = ""] = bind.split(":");
    if (cleanPath(place) === target) return { Mode: words === "" && !source.startsWith("/") ? "z" : words };
  }
  const mount = docker?.host.Mounts?.find((each) => cleanPath(each.Target ?? "") === target);
  return { Mode: mount?.Type === "volume" ? "z" : "" };
}

function mountPoint(mount: MountSpec, volumes: string): MountPoint {
  switch (mount.kind) {
    case "bind":
      return {
        Type: "bind",
        Source: mount.source,
        Destination: mount.target,
        Mode: "",
        RW: !mount.readOnly,
        Propagation: mount.propagation,
      };
    case "volume":
      return {
        Type: "volume",
        Name: mount.volume,
        Source: `${volumes}/${mount.volume}/_data`,
        Destination: mount.target,
        Driver: mount.driver ?? "local",
        Mode: "",
        RW: !mount.readOnly,
        Propagation: "",
      };
    case "image":
      return {
        Type: "image",
        Source: mount.image,
        Destination: mount.target,
        Mode: "",
        RW: false,
        Propagation: "",
      };
    case "tmpfs":
      return {
        Type: "tmpfs",
        Source: "",
        Destination: mount.target,
        Mode: "",
        RW: !mount.options.includes("ro"),
        Propagation: "",
      };
  }
}

const never = "0001-01-01T00:00:00Z";

/** RFC 3339 with nanoseconds; 0 is never. */
export function timeText(milliseconds: number): string {
  return milliseconds === 0 ? never : new Date(milliseconds).toISOString().replace("Z", "000000Z");
}
