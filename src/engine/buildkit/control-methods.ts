/** BuildKit's control service, over our builder. */
import {
  answeredInPieces,
  bytesMessage,
  CallFailed,
  codes,
  diskUsageRequest,
  diskUsageResponse,
  healthRequest,
  healthResponse,
  healthServing,
  historyEvent,
  historyRequest,
  infoResponse,
  listWorkersRequest,
  listWorkersResponse,
  type Method,
  nothing,
  pruneRequest,
  type SessionRegistry,
  type SolveRequest,
  solveRequest,
  solveResponse,
  statusRequest,
  statusResponse,
  unary,
  updateHistoryRequest,
  usageRecord,
  type WorkerRecord,
} from "../../buildkit/mod.ts";
import type { BuildResult } from "../build/mod.ts";
import type { CacheRecords } from "./cache-records.ts";
import { decodeGraph } from "./graph-request.ts";
import type { BuildHistory } from "./history.ts";
import { imageOfDefinition } from "./image-definition.ts";
import type { PassingImages } from "./passing-images.ts";
import { servedSession } from "./served-session.ts";
import { cacheExportOf, cacheImportOf } from "./solve-outputs.ts";
import { checkFrontend, type FrontendBuild, type Solver } from "./solver.ts";
import type { Solve, SolveRegistry } from "./solves.ts";

export interface ControlParts {
  readonly solver: Solver;
  readonly solves: SolveRegistry;
  readonly sessions: SessionRegistry;
  readonly history: BuildHistory;
  readonly cache: CacheRecords;
  readonly worker: WorkerRecord;
  readonly passing: PassingImages;
}

const service = "/moby.buildkit.v1.Control/";

/** What a request says about one build, beside its frontend's attributes. */
export function buildOf(request: SolveRequest, attributes = request.frontendAttributes): FrontendBuild {
  const { exporters, exporterType, exporterAttributes, cache, session, entitlements } = request;
  const older = exporterType === "" ? [] : [{ type: exporterType, attributes: exporterAttributes }];
  const exported = cache?.exports ?? [];
  const olderExport =
    exported.length === 0 && cache !== undefined && cache.exportReference !== ""
      ? [
          {
            type: "registry",
            attributes: new Map([...cache.exportAttributes, ["ref", cache.exportReference]]),
          },
        ]
      : [];
  const imported = [
    ...(cache?.imports ?? []),
    ...(cache?.importReferences ?? []).map((ref) => ({
      type: "registry",
      attributes: new Map([["ref", ref]]),
    })),
  ];
  const images = new Map<string, string>();
  for (const [name, graph] of request.frontendInputs) {
    const image = imageOfDefinition(graph);
    if (image !== undefined) images.set(name, image);
  }
  return {
    attributes,
    images,
    sessionId: session,
    exporters: exporters.length > 0 ? exporters : older,
    entitlements,
    cacheFrom: imported.flatMap(({ type, attributes: own }) => cacheImportOf(type, own) ?? []),
    cacheTo: [...exported, ...olderExport].map(cacheExportOf),
  };
}

async function resultsOf(
  request: SolveRequest,
  solve: Solve,
  { solver }: ControlParts,
): Promise<readonly BuildResult[]> {
  if (request.frontend !== "") {
    checkFrontend(request.frontend, request.frontendAttributes);
    return [await solver.build(buildOf(request), solve)];
  }
  const { definition, exporters, exporterAttributes } = request;
  if (definition !== undefined && definition.operations.length > 0) {
    const attributes = exporters[0]?.attributes ?? exporterAttributes;
    const config = attributes.get("containerimage.config");
    const bytes = config === undefined ? undefined : new TextEncoder().encode(config);
    return [await solver.solve(buildOf(request), decodeGraph(definition), bytes, solve)];
  }
  // The frontend is the client's own, and tells us by the gateway.
  return (await solve.returned).results;
}

async function perform(request: SolveRequest, signal: AbortSignal, parts: ControlParts) {
  const { solves, history } = parts;
  const solve = solves.begin(request.ref, request);
  const cancel = (): void => solve.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const entry = request.internal
    ? undefined
    : history.begin(request.ref, request.frontend, request.frontendAttributes, buildOf(request).exporters);
  if (entry !== undefined) solve.watch = (status) => entry.see(status);
  let exporterResponse = new Map<string, string>();
  let failure: unknown;
  try {
    for (const { exporter } of await resultsOf(request, solve, parts)) {
      exporterResponse = new Map([...exporterResponse, ...Object.entries(exporter)]);
    }
    return { exporterResponse };
  } catch (thrown) {
    failure = thrown;
    throw thrown;
  } finally {
    signal.removeEventListener("abort", cancel);
    // What its client's frontend has under way ends with it.
    if (failure !== undefined) solve.cancel();
    solves.end(solve);
    if (entry !== undefined) history.end(entry, exporterResponse, failure);
  }
}

function historyMethods({ history }: ControlParts): readonly (readonly [string, Method])[] {
  return [
    [
      `${service}ListenBuildHistory`,
      answeredInPieces(historyRequest, historyEvent, (wish, { signal }) => history.listen(wish, signal)),
    ],
    [
      `${service}UpdateBuildHistory`,
      unary(updateHistoryRequest, nothing, async ({ ref, pinned, delete: gone, finalise }) => {
        const found = gone ? history.delete(ref) : finalise || history.pin(ref, pinned);
        if (!found) throw new CallFailed(codes.notFound, `no build ${JSON.stringify(ref)}`);
        return {};
      }),
    ],
  ];
}

export function controlMethods(parts: ControlParts): ReadonlyMap<string, Method> {
  const { solves, sessions, cache, worker } = parts;
  return new Map<string, Method>([
    [
      "/grpc.health.v1.Health/Check",
      unary(healthRequest, healthResponse, async () => ({ status: healthServing })),
    ],
    [
      `${service}Solve`,
      unary(solveRequest, solveResponse, (request, { signal }) => perform(request, signal, parts)),
    ],
    [
      `${service}Status`,
      answeredInPieces(statusRequest, statusResponse, async function* ({ ref }, { signal }) {
        const solve = await solves.get(ref, signal);
        yield* solve.progress.read(signal);
      }),
    ],
    [`${service}Session`, servedSession(sessions, bytesMessage)],
    [
      `${service}ListWorkers`,
      unary(listWorkersRequest, listWorkersResponse, async () => ({ records: [worker] })),
    ],
    [`${service}Info`, unary(nothing, infoResponse, async () => ({ version: worker.version }))],
    [
      `${service}DiskUsage`,
      unary(diskUsageRequest, diskUsageResponse, async ({ filters }) => ({
        records: await cache.list(filters),
      })),
    ],
    [`${service}Prune`, answeredInPieces(pruneRequest, usageRecord, (request) => cache.prune(request))],
    ...historyMethods(parts),
  ]);
}
