/** The parts of a container that `list` and `inspect` both show. Pure, but for the clock given. */

import type { ContainerStatusWord, MountPoint, PortSummary } from "../../../docker/types/container.ts";
import type { PortMap } from "../../../docker/types/host-config.ts";
import type { EndpointSettings } from "../../../docker/types/networking.ts";
import { own } from "../../../lib/own.ts";
import { networkMode } from "../docker/mod.ts";
import { type Container, type ContainerState, type EndpointRecord, isAlive } from "../record/mod.ts";
import { defaultNetworkName, type MountSpec } from "../specification/mod.ts";
import { durationText } from "./duration-text.ts";

/** Docker's word for a state. */
export function statusWord(state: ContainerState): ContainerStatusWord {
  return state.status === "starting" ? "created" : state.status;
}

/** `Up 3 minutes`, `Exited (0) 2 hours ago`. */
export function statusText(state: ContainerState, nowMs: number): string {
  switch (state.status) {
    case "created":
    case "starting":
      return "Created";
    case "running":
      return `Up ${durationText(nowMs - state.startedAtMs)}`;
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

/** The container's place in the network while it has one. */
export function endpointOf(state: ContainerState): EndpointRecord | null {
  return isAlive(state) ? state.endpoint : null;
}

/** `Ports` of inspect: published ones with their bindings, exposed ones with null. */
export function portMapOf(container: Container): PortMap {
  const map: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const { port, protocol } of container.document.specification.exposed)
    map[`${port}/${protocol}`] = null;
  for (const port of endpointOf(container.state)?.ports ?? []) {
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

/** The networks that the container is in, by name. */
export function networksOf(container: Container, networkId: string): Record<string, EndpointSettings> {
  const mode = networkMode(container.document.specification.network);
  if (mode.startsWith("container:")) return {};
  const endpoint = endpointOf(container.state);
  return {
    [mode]: {
      IPAMConfig: null,
      Links: null,
      Aliases: null,
      DriverOpts: null,
      NetworkID: mode === defaultNetworkName ? networkId : mode,
      EndpointID: endpoint === null ? "" : container.id,
      Gateway: endpoint?.gateway ?? "",
      IPAddress: endpoint?.address ?? "",
      IPPrefixLen: endpoint?.prefixLength ?? 0,
      MacAddress: endpoint?.mac ?? "",
      IPv6Gateway: "",
      GlobalIPv6Address: "",
      GlobalIPv6PrefixLen: 0,
      GwPriority: 0,
      DNSNames: null,
    },
  };
}

/** `Mounts` of list and inspect. */
export function mountPoints(mounts: readonly MountSpec[], volumes: string): MountPoint[] {
  return mounts.map((mount) => mountPoint(mount, volumes));
}

function mountPoint(mount: MountSpec, volumes: string): MountPoint {
  switch (mount.kind) {
    case "bind":
      return {
        Type: "bind",
        Source: mount.source,
        Destination: mount.target,
        Mode: mount.readOnly ? "ro" : "",
        RW: !mount.readOnly,
        Propagation: mount.propagation,
      };
    case "volume":
      return {
        Type: "volume",
        Name: mount.volume,
        Source: `${volumes}/${mount.volume}/_data`,
        Destination: mount.target,
        Driver: "local",
        Mode: mount.readOnly ? "ro" : "z",
        RW: !mount.readOnly,
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
