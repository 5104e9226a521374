/** `GET /containers/{id}/json` in Docker's complete shape. */
import { completeDocument, containerDocument } from "../../../docker/documents.ts";
import type { ContainerInspect, ContainerState } from "../../../docker/types/container.ts";
import { newestLogPath } from "../../log/mod.ts";
import { decodeLink, documentsOf, linkText } from "../docker/mod.ts";
import { type Container, countsAsRunning, endingOf, isAlive } from "../record/mod.ts";
import type { ViewContext } from "./context.ts";
import {
  defaultEndpointOf,
  heldBy,
  mountPoints,
  networksOf,
  portMapOf,
  statusWord,
  timeText,
  wantedBy,
} from "./describe.ts";

/** Docker's answer with what only this engine knows, under a key of its own. */
export interface TiffinInspect extends ContainerInspect {
  readonly Tiffin: {
    /** Milliseconds of each step of the last start by this engine process. */
    readonly StartPhases: Readonly<Record<string, number>>;
    /** What it asked for and the host could not give. */
    readonly StartWarnings: readonly string[];
  };
}

function stateOf(container: Container): ContainerState {
  const { state } = container;
  const ending = endingOf(state);
  const alive = isAlive(state);
  const word = statusWord(state);
  return {
    Status: word,
    Running: countsAsRunning(state),
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: ending?.oomKilled ?? false,
    Dead: state.status === "dead",
    Pid: alive ? state.pid : 0,
    ExitCode: ending?.exitCode ?? 0,
    Error: ending?.error ?? "",
    StartedAt: timeText(alive ? state.startedAtMs : (ending?.startedAtMs ?? 0)),
    FinishedAt: timeText(ending?.finishedAtMs ?? 0),
    Health: healthOf(container),
  };
}

/** By the names of now, as Docker tells of links that were made with the container. */
function linksOf({ registry }: ViewContext, container: Container): { readonly Links?: readonly string[] } {
  const wanted = container.document.docker?.host.Links ?? [];
  if (wanted.length === 0) return {};
  const made = new Set(wanted.map((text) => decodeLink(text).alias));
  const Links = (wantedBy(container)[0]?.links ?? []).flatMap((link) => {
    const linked = made.has(link.alias) ? registry.byId(registry.idOf(link.container) ?? "") : undefined;
    return linked === undefined ? [] : linkText(container.name, link, linked.name);
  });
  return { Links };
}

/** Absent before the first run, and where nobody asks for it. */
function healthOf({ health }: Container): ContainerState["Health"] {
  if (health === undefined) return undefined;
  return {
    Status: health.status,
    FailingStreak: health.failingStreak,
    Log: health.log.map(({ startedAtMs, finishedAtMs, exitCode, output }) => ({
      Start: timeText(startedAtMs),
      End: timeText(finishedAtMs),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

export async function inspectContainer(
  context: ViewContext,
  container: Container,
  options: { readonly size: boolean },
): Promise<TiffinInspect> {
  const { document, id, name, state } = container;
  const { image, specification } = document;
  const { config, host } = document.docker ?? documentsOf(specification);
  const [path = "", ...words] = specification.process.arguments;
  const { directory } = context.paths.container(id);
  const lowers = context.layers.lowerPaths(image.chain);
  const endpoint = defaultEndpointOf(state);
  const isPlaced = heldBy(state).endpoints.length > 0;
  const written = options.size ? await context.layers.containerBytes(id) : 0;
  const imageBytes = options.size ? (context.images.byId(image.id)?.size ?? 0) : 0;
  const pid = isAlive(state) ? state.pid : 0;
  return completeDocument<TiffinInspect>(containerDocument, {
    Id: id,
    Created: timeText(container.createdMs),
    Path: path,
    Args: words,
    State: stateOf(container),
    Image: image.id,
    ResolvConfPath: "",
    HostnamePath: "",
    HostsPath: "",
    LogPath: specification.log.kind === "none" ? "" : newestLogPath(context.paths.container(id).logs),
    Name: `/${name}`,
    RestartCount: container.restarts,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: container.execs.size === 0 ? null : [...container.execs],
    HostConfig: {
      ...host,
      ...linksOf(context, container),
      ConsoleSize: host.ConsoleSize ?? [0, 0],
      PidsLimit: host.PidsLimit || null,
    },
    GraphDriver: {
      Name: "overlay2",
      // The root is mounted in the container's own mount namespace alone, so the host has no merged directory.
      Data: {
        LowerDir: lowers.join(":"),
        MergedDir: "",
        UpperDir: `${directory}/upper`,
        WorkDir: `${directory}/work`,
      },
    },
    ...(options.size && { SizeRw: written, SizeRootFs: imageBytes + written }),
    Mounts: mountPoints(document, context.paths.volumes),
    Config: { ...config, Image: image.reference },
    NetworkSettings: {
      Bridge: "",
      SandboxID: isPlaced ? id : "",
      SandboxKey: pid === 0 ? "" : `/proc/${pid}/ns/net`,
      Ports: portMapOf(container),
      HairpinMode: false,
      LinkLocalIPv6Address: "",
      LinkLocalIPv6PrefixLen: 0,
      SecondaryIPAddresses: null,
      SecondaryIPv6Addresses: null,
      EndpointID: endpoint?.id ?? "",
      Gateway: endpoint?.gateway ?? "",
      GlobalIPv6Address: endpoint?.ipv6?.address ?? "",
      GlobalIPv6PrefixLen: endpoint?.ipv6?.prefixLength ?? 0,
      IPAddress: endpoint?.address ?? "",
      IPPrefixLen: endpoint?.prefixLength ?? 0,
      IPv6Gateway: endpoint?.ipv6?.gateway ?? "",
      MacAddress: endpoint?.mac ?? "",
      Networks: networksOf(container, context.networks),
    },
    Tiffin: { StartPhases: container.phases ?? {}, StartWarnings: container.startWarnings },
  });
}
