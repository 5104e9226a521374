/** Builds. */
import { TiffinError } from "../../lib/errors.ts";
import type { BuildBackend } from "../backend.ts";
import type { Call, Handlers } from "../handler.ts";
import { progressLines } from "../progress-lines.ts";

type Query = Call<"build">["query"];

/** What a client may ask for that is not done, by whether it does. */
const refused: Readonly<Record<string, (query: Query) => boolean>> = {
  "a context from elsewhere (remote)": ({ remote = "" }) => remote !== "",
  "building by BuildKit's protocol (version 2)": ({ version = "" }) => version !== "" && version !== "1",
  "a session (session)": ({ session = "" }) => session !== "",
  "squashing layers (squash)": ({ squash }) => squash === true,
  "a result that is no image of this engine (outputs)": ({ outputs = "" }) =>
    !["", "[]", "null"].includes(outputs),
  "security options (securityopt)": ({ securityopt = [] }) => securityopt.length > 0,
  "limits of processes (ulimits)": ({ ulimits = "" }) => !["", "[]", "null"].includes(ulimits),
  "an isolation (isolation)": ({ isolation = "" }) => isolation !== "" && isolation !== "default",
  "a cache from other images (cachefrom)": ({ cachefrom = [] }) => cachefrom.length > 0,
};

function refuse(query: Query): void {
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

export function buildHandlers(
  builds: BuildBackend,
  onFault: (error: unknown) => void,
): Pick<Handlers, "build" | "buildPrune"> {
  return {
    buildPrune: () => builds.prune(),
    build: async ({ query, body, signal }) => {
      refuse(query);
      const {
        networkmode = "",
        extrahosts = [],
        cpusetcpus = "",
        cpusetmems = "",
        cgroupparent = "",
      } = query;
      const request = {
        dockerfile: query.dockerfile ?? "",
        tags: (query.t ?? []).filter((tag) => tag !== ""),
        arguments: query.buildargs ?? {},
        target: query.target ?? "",
        noCache: query.nocache ?? false,
        pull: query.pull ?? false,
        quiet: query.q ?? false,
        labels: query.labels ?? {},
        platform: query.platform ?? "",
        run: {
          ...(networkmode !== "" && { NetworkMode: networkmode }),
          ...(extrahosts.length > 0 && { ExtraHosts: [...extrahosts] }),
          ...(cpusetcpus !== "" && { CpusetCpus: cpusetcpus }),
          ...(cpusetmems !== "" && { CpusetMems: cpusetmems }),
          ...(cgroupparent !== "" && { CgroupParent: cgroupparent }),
          ...number("ShmSize", query.shmsize),
          ...number("Memory", query.memory),
          ...number("MemorySwap", query.memswap),
          ...number("CpuShares", query.cpushares),
          ...number("CpuPeriod", query.cpuperiod),
          ...number("CpuQuota", query.cpuquota),
        },
      };
      return await progressLines((report) => builds.build(request, body, report, signal), onFault);
    },
  };
}
