/** Builds. */
import { TiffinError } from "../../lib/errors.ts";
import type { BuildBackend, BuildKitBackend, BuildRequest } from "../backend.ts";
import type { Call, Handlers } from "../handler.ts";
import { progressLines } from "../progress-lines.ts";
import { sessionBuildOf, uploadedFor } from "./buildkit.ts";

type Query = Call<"build">["query"];

/** What a client may ask for that is not done, by whether it does. */
const refused: Readonly<Record<string, (query: Query) => boolean>> = {
  "a session (session)": ({ session = "" }) => session !== "",
  "squashing layers (squash)": ({ squash }) => squash === true,
  "a result that is no image of this engine (outputs)": ({ outputs = "" }) =>
    !["", "[]", "null"].includes(outputs),
  "an isolation (isolation)": ({ isolation = "" }) => isolation !== "" && isolation !== "default",
};

function refuse(query: Query): void {
  const { version = "" } = query;
  if (!["", "1"].includes(version)) {
    throw new TiffinError(
      "invalid",
      "build.version",
      `invalid version ${JSON.stringify(version)}: wanted 1, or 2 for BuildKit`,
    );
  }
  for (const [what, asks] of Object.entries(refused)) {
    if (!asks(query)) continue;
    throw new TiffinError(
      "notImplemented",
      "build.not-there-yet",
      `${what} is not done yet by this engine's builder`,
    );
  }
}

/** Zero says nothing, as in Docker. */
function number<K extends string>(key: K, value: number | undefined): { readonly [name in K]?: number } {
  // The one property is that of `key`.
  return (value === undefined || value === 0 ? {} : { [key]: value }) as { readonly [name in K]?: number };
}

/** The query in the engine's own words. */
function requestOf({ query, headers }: Pick<Call<"build">, "query" | "headers">): BuildRequest {
  const {
    networkmode = "",
    extrahosts = [],
    cpusetcpus = "",
    cpusetmems = "",
    cgroupparent = "",
    ulimits = [],
    securityopt = [],
  } = query;
  return {
    dockerfile: query.dockerfile ?? "",
    tags: (query.t ?? []).filter((tag) => tag !== ""),
    arguments: query.buildargs ?? {},
    target: query.target ?? "",
    noCache: query.nocache ?? false,
    pull: query.pull ?? false,
    quiet: query.q ?? false,
    labels: query.labels ?? {},
    platform: query.platform ?? "",
    remote: query.remote ?? "",
    cacheFrom: query.cachefrom ?? [],
    credentials: headers["x-registry-config"] ?? {},
    extras: headers["x-tiffin-build"] ?? {},
    run: {
      ...(networkmode !== "" && { NetworkMode: networkmode }),
      ...(extrahosts.length > 0 && { ExtraHosts: [...extrahosts] }),
      ...(cpusetcpus !== "" && { CpusetCpus: cpusetcpus }),
      ...(cpusetmems !== "" && { CpusetMems: cpusetmems }),
      ...(cgroupparent !== "" && { CgroupParent: cgroupparent }),
      ...(ulimits.length > 0 && { Ulimits: [...ulimits] }),
      ...(securityopt.length > 0 && { SecurityOpt: [...securityopt] }),
      ...number("ShmSize", query.shmsize),
      ...number("Memory", query.memory),
      ...number("MemorySwap", query.memswap),
      ...number("CpuShares", query.cpushares),
      ...number("CpuPeriod", query.cpuperiod),
      ...number("CpuQuota", query.cpuquota),
    },
  };
}

/** The version of BuildKit's builder. */
const buildkitVersion = "2";

export function buildHandlers(
  builds: BuildBackend,
  buildkit: BuildKitBackend,
  onFault: (error: unknown) => void,
): Pick<Handlers, "build" | "buildInPlace" | "buildPrune"> {
  return {
    buildInPlace: async ({ query, headers, body, caller, signal }) => {
      refuse(query);
      const request = requestOf({ query, headers });
      const directories = builds.openDirectories(headers["x-tiffin-directories"], caller);
      return await progressLines(async (report) => {
        using opened = directories;
        await builds.inPlace(request, { directories: opened, body }, report, signal);
      }, onFault);
    },
    buildPrune: ({ query }) =>
      builds.pruneCache({
        all: query.all ?? false,
        keepBytes: query["reserved-space"] ?? query["keep-storage"] ?? query["max-used-space"] ?? 0,
        filters: query.filters ?? {},
      }),
    build: async ({ query, headers, body, signal }) => {
      if (query.version === buildkitVersion) {
        const uploaded = uploadedFor(query);
        return await progressLines(
          (report) =>
            uploaded === undefined
              ? buildkit.buildForSession(sessionBuildOf(query), report, signal)
              : buildkit.receiveContext(uploaded, body, signal),
          onFault,
        );
      }
      refuse(query);
      const request = requestOf({ query, headers });
      return await progressLines((report) => builds.classic(request, body, report, signal), onFault);
    },
  };
}
