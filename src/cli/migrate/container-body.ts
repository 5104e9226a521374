/** A container of another engine as a request for one here. Pure. */
import type { ContainerCreateBody, ContainerInspect } from "../../docker/types/container.ts";
import type { Ulimit } from "../../docker/types/host-config.ts";
import type { EndpointSettings } from "../../docker/types/networking.ts";

/** Fields of `null` are not there. */
function withoutNulls<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], null> } {
  const entries = Object.entries(value).filter(([, each]) => each !== null && each !== undefined);
  // What is left is what the type says.
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], null> };
}

const shortIdLength = 12;
/** Those of engines elsewhere that read the same files back. */
const knownLogs: ReadonlySet<string> = new Set(["json-file", "local", "none", "syslog", "journald"]);
const ownModes: ReadonlySet<string> = new Set(["slirp4netns", "pasta", "podman"]);

const bindWords: ReadonlySet<string> = new Set(["ro", "rw", "z", "Z"]);
const propagations: ReadonlySet<string> = new Set([
  "shared",
  "slave",
  "private",
  "rshared",
  "rslave",
  "rprivate",
]);

/** Podman writes down more than Docker's API has words for: what it does to all mounts. */
function bindOf(bind: string): string {
  const [source = "", target, mode] = bind.split(":");
  if (target === undefined || mode === undefined) return bind;
  const isPath = source.startsWith("/");
  const kept = mode
    .split(",")
    .filter((word) => bindWords.has(word) || (isPath ? propagations.has(word) : word === "nocopy"));
  return [source, target, ...(kept.length > 0 ? [kept.join(",")] : [])].join(":");
}

/** Podman calls them as the kernel's header does. */
function ulimitOf(limit: Ulimit): Ulimit {
  return { ...limit, Name: limit.Name.replace(/^RLIMIT_/, "").toLowerCase() };
}

function endpointOf({ Aliases, Links, DriverOpts }: EndpointSettings, shortId: string): EndpointSettings {
  // Its old id was a name of it, too. Addresses belong to the network there.
  const aliases = (Aliases ?? []).filter((alias) => alias !== shortId);
  return { Aliases: aliases, ...(Links ? { Links } : {}), ...(DriverOpts ? { DriverOpts } : {}) };
}

export function migratedBody(container: ContainerInspect): ContainerCreateBody {
  const { Id, Config, HostConfig, NetworkSettings, Mounts, Image } = container;
  const shortId = Id.slice(0, shortIdLength);
  const { Hostname, Image: imageName, ...config } = withoutNulls(Config);
  const {
    Runtime: _runtime,
    CgroupParent: _parent,
    LogConfig,
    NetworkMode,
    ...host
  } = withoutNulls(HostConfig);
  const mode =
    NetworkMode === undefined || ownModes.has(NetworkMode.split(":")[0] ?? "") ? "default" : NetworkMode;
  const networks = Object.entries(NetworkSettings.Networks).filter(
    ([name]) => !["bridge", "host", "none", "podman"].includes(name),
  );
  const named = new Set([
    ...(host.Binds ?? []).map((bind) => bind.split(":")[1]),
    ...(host.Mounts ?? []).map(({ Target }) => Target),
  ]);
  // Anonymous volumes are in no request; they are taken by their names.
  const anonymous = Mounts.filter(
    ({ Type, Destination }) => Type === "volume" && !named.has(Destination),
  ).map(({ Name = "", Destination, RW }) => ({
    Type: "volume",
    Source: Name,
    Target: Destination,
    ReadOnly: !RW,
  }));
  return {
    ...config,
    Image: imageName ?? Image,
    ...(Hostname !== undefined && Hostname !== shortId && { Hostname }),
    HostConfig: {
      ...host,
      ...(host.Binds !== undefined && { Binds: host.Binds.map(bindOf) }),
      ...(host.Ulimits !== undefined && { Ulimits: host.Ulimits.map(ulimitOf) }),
      NetworkMode: mode,
      ...(LogConfig !== undefined && knownLogs.has(LogConfig.Type ?? "") && { LogConfig }),
      Mounts: [...(host.Mounts ?? []), ...anonymous],
    },
    ...(networks.length > 0 && {
      NetworkingConfig: {
        EndpointsConfig: Object.fromEntries(
          networks.map(([name, each]) => [name, endpointOf(each, shortId)]),
        ),
      },
    }),
  };
}
