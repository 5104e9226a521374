/** The gateway: the client's own frontend asks for builds, looks at what they came to, and says which of it is the result. */
import {
  type CallContext,
  CallFailed,
  codes,
  evaluateRequest,
  type GatewaySolveRequest,
  gatewaySolveRequest,
  gatewaySolveResponse,
  inputsResponse,
  type Message,
  type Method,
  nothing,
  pongResponse,
  readDirectoryRequest,
  readDirectoryResponse,
  readFileRequest,
  readFileResponse,
  resolveImageRequest,
  resolveImageResponse,
  resolveSourceRequest,
  resolveSourceResponse,
  returnRequest,
  type SolveRequest,
  statFileRequest,
  statFileResponse,
  unary,
  warnRequest,
} from "../../buildkit/mod.ts";
import { randomHex } from "../../lib/ids.ts";
import { formatPlatform } from "../../oci/mod.ts";
import type { BuildResult, OpenTree, VertexOutput } from "../build/mod.ts";
import { buildOf, type ControlParts } from "./control-methods.ts";
import { answerTo } from "./file-answers.ts";
import { decodeGraph } from "./graph-request.ts";
import { imageDefinition } from "./image-definition.ts";
import { readDirectoryIn, readFileIn, statFileIn } from "./look-into.ts";
import { checkFrontend, type Solver } from "./solver.ts";
import type { Solve } from "./solves.ts";

const service = "/moby.buildkit.v1.frontend.LLBBridge/";
const buildIdField = "buildkit-controlapi-buildid";

/** What the gateway can do for frontends. */
const frontendCapabilities = [
  "solve.base",
  "return",
  "returnmap",
  "proto.refarray",
  "importcaches",
  "frontend.inputs",
  "gateway.solve.metadata",
  "gateway.solve.evaluate",
  "gateway.evaluate",
  "gateway.warnings",
  "reference.output",
  "readfile",
  "readdir",
  "statfile",
  "resolveimage",
  "resolveimage.resolvemode",
  "source.metaresolver",
];
/** What graphs may have. */
const llbCapabilities = [
  "source.image",
  "source.image.resolvemode",
  "source.local",
  "source.local.unique",
  "source.local.sessionid",
  "source.local.includepatterns",
  "source.local.followpaths",
  "source.local.excludepatterns",
  "source.local.sharedkeyhint",
  "source.git",
  "source.git.fullurl",
  "source.http",
  "source.http.checksum",
  "exec.meta.base",
  "exec.meta.network",
  "exec.meta.proxyenv",
  "exec.meta.security",
  "exec.mount.bind",
  "exec.mount.bind.readwrite-nooutput",
  "exec.mount.cache",
  "exec.mount.cache.sharing",
  "exec.mount.secret",
  "exec.mount.selector",
  "exec.mount.ssh",
  "exec.mount.tmpfs",
  "exec.mount.tmpfs.size",
  "exec.secretenv",
  "exec.validexitcode",
  "file.base",
  "file.copy.includeexcludepatterns",
  "file.copy.modestring",
  "file.rm.wildcard",
  "file.symlink.create",
  "mergeop",
  "diffop",
  "constraints",
  "platform",
  "meta.ignorecache",
  "meta.description",
  "meta.exportcache",
  "exporter.multiple",
  "exporter.sourcedateepoch",
];

/** What one client's frontend has had built so far. */
class Gateway {
  readonly solve: Solve;
  readonly request: SolveRequest;
  readonly #refs = new Map<string, BuildResult>();
  readonly #graphs = new Map<string, VertexOutput | undefined>();

  constructor(solve: Solve, request: SolveRequest) {
    this.solve = solve;
    this.request = request;
  }

  add(result: BuildResult): string {
    const ref = randomHex(refDigits);
    this.#refs.set(ref, result);
    return ref;
  }

  /** A graph that is not built yet. */
  addGraph(graph: VertexOutput | undefined): string {
    const ref = randomHex(refDigits);
    this.#graphs.set(ref, graph);
    return ref;
  }

  /** What is built, exported if that is yet to be done. */
  async resultOf(ref: string, config: Uint8Array | undefined, solver: Solver): Promise<BuildResult> {
    const result = this.#refs.get(ref);
    if (result !== undefined) return result;
    return await solver.solve(buildOf(this.request), this.graphOf(ref), config, this.solve);
  }

  /** What is behind a ref as a graph, of what is built already the image. */
  treeOf(ref: string): VertexOutput | undefined {
    const result = this.#refs.get(ref);
    if (result === undefined) return this.graphOf(ref);
    const image = result.images[0]?.id;
    if (image === undefined) throw new CallFailed(codes.notFound, `nothing is kept of what ${ref} came to`);
    return decodeGraph(imageDefinition(image));
  }

  isBuilt(ref: string): boolean {
    return this.#refs.has(ref);
  }

  graphOf(ref: string): VertexOutput | undefined {
    if (!this.#graphs.has(ref)) throw new CallFailed(codes.notFound, `no such ref: ${ref}`);
    return this.#graphs.get(ref);
  }
}

const refDigits = 32;
const unnamedImage = { type: "image", attributes: new Map<string, string>() };
const encoder = new TextEncoder();

export function gatewayMethods(parts: ControlParts): ReadonlyMap<string, Method> {
  const gateways = new WeakMap<Solve, Gateway>();
  const gatewayOf = async ({ metadata, signal }: CallContext): Promise<Gateway> => {
    const ref = metadata.get(buildIdField) ?? "";
    const solve = await parts.solves.get(ref, signal);
    const { request } = solve;
    if (request === undefined) throw new CallFailed(codes.notFound, `no such job ${ref}`);
    const there = gateways.get(solve) ?? new Gateway(solve, request);
    gateways.set(solve, there);
    return there;
  };
  const method = <In, Out>(
    name: string,
    incoming: Message<In>,
    outgoing: Message<Out>,
    handle: (gateway: Gateway, request: In, context: CallContext) => Promise<Partial<Out>>,
  ): readonly [string, Method] => [
    `${service}${name}`,
    unary(
      incoming,
      outgoing,
      async (request, context) => await handle(await gatewayOf(context), request, context),
    ),
  ];
  return new Map<string, Method>([
    method("Ping", nothing, pongResponse, async () => ({
      frontendCapabilities: frontendCapabilities.map((id) => ({ id, enabled: true })),
      llbCapabilities: llbCapabilities.map((id) => ({ id, enabled: true })),
      workers: [parts.worker],
    })),
    method("Solve", gatewaySolveRequest, gatewaySolveResponse, (gateway, request, context) =>
      solveFor(gateway, request, context, parts),
    ),
    method("Inputs", nothing, inputsResponse, async ({ request }) => ({
      definitions: request.frontendInputs,
    })),
    // What is built has been built when it has a ref.
    method("Evaluate", evaluateRequest, nothing, async (gateway, { ref }) => {
      await evaluate(gateway, ref, parts.solver);
      return {};
    }),
    method("ReadFile", readFileRequest, readFileResponse, (gateway, request) =>
      lookInto(gateway, request.ref, parts.solver, (tree) => readFileIn(tree, request)),
    ),
    method("ReadDir", readDirectoryRequest, readDirectoryResponse, (gateway, request) =>
      lookInto(gateway, request.ref, parts.solver, (tree) => readDirectoryIn(tree, request)),
    ),
    method("StatFile", statFileRequest, statFileResponse, (gateway, request) =>
      lookInto(gateway, request.ref, parts.solver, (tree) => statFileIn(tree, request)),
    ),
    method("ResolveImageConfig", resolveImageRequest, resolveImageResponse, async (gateway, request) => {
      const { digest, configuration } = await resolveImage(gateway, request, parts.solver);
      return { digest, config: configuration, ref: request.ref };
    }),
    method("ResolveSourceMeta", resolveSourceRequest, resolveSourceResponse, async (gateway, request) => {
      const { source, platform, resolveMode } = request;
      const ref = /^docker-image:\/\/(.*)$/s.exec(source?.identifier ?? "")?.[1];
      // Of other sources nothing is known before they are fetched.
      if (ref === undefined) return { source };
      const { digest, configuration } = await resolveImage(
        gateway,
        { ref, platform, resolveMode },
        parts.solver,
      );
      return { source, image: { digest, config: configuration } };
    }),
    method(
      "Warn",
      warnRequest,
      nothing,
      async ({ solve }, { digest, level, short, detail, url, info, ranges }) => {
        const warning = { vertex: digest, level, short, detail, url, info, ranges };
        solve.report({ vertexes: [], statuses: [], logs: [], warnings: [warning] });
        return {};
      },
    ),
    method("Return", returnRequest, nothing, async (gateway, { result, error }) => {
      if (error !== undefined) gateway.solve.settle(new CallFailed(error.code, error.message));
      else {
        const refs = [result?.ref?.id ?? result?.plainRef ?? "", ...(result?.refs?.refs.values() ?? [])]
          .map((ref) => (typeof ref === "string" ? ref : ref.id))
          .filter((ref) => ref !== "");
        const config = result?.metadata.get("containerimage.config");
        const results = refs.map((ref) => gateway.resultOf(ref, config, parts.solver));
        void Promise.all(results).then(
          (all) => gateway.solve.settle({ results: all }),
          (thrown: unknown) =>
            gateway.solve.settle(thrown instanceof Error ? thrown : new Error(String(thrown))),
        );
      }
      return {};
    }),
  ]);
}

async function solveFor(
  gateway: Gateway,
  request: GatewaySolveRequest,
  { signal }: CallContext,
  { solver, passing }: ControlParts,
) {
  const { frontend, frontendOptions, frontendInputs, cacheImports, definition } = request;
  if (frontend === "") {
    const graph = definition === undefined ? undefined : decodeGraph(definition);
    const id = gateway.addGraph(graph);
    // What it comes to is asked for by who returns it, or evaluates it.
    if (request.evaluate) await evaluate(gateway, id, solver);
    return { result: { ...emptyResult, ref: { id, definition } } };
  }
  checkFrontend(frontend, frontendOptions);
  const asked: SolveRequest = {
    ...gateway.request,
    frontendInputs,
    cache: gateway.request.cache && {
      ...gateway.request.cache,
      imports: [...gateway.request.cache.imports, ...cacheImports],
    },
  };
  const cancel = (): void => gateway.solve.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const wish = buildOf(asked, frontendOptions);
    const answer = answerTo(frontendOptions.get("requestid") ?? "");
    if (answer !== undefined) {
      const metadata = answer(await solver.check(wish, gateway.solve), {
        target: frontendOptions.get("target") ?? "",
        arguments: (name) => frontendOptions.get(`build-arg:${name}`),
      });
      return { result: { ...emptyResult, ref: undefined, metadata } };
    }
    // Without an output it may still be what another build begins with.
    const isPassing = wish.exporters.length === 0;
    const note = isPassing ? passing.watch() : undefined;
    const exporters = isPassing ? [unnamedImage] : wish.exporters;
    const built = await solver.build({ ...wish, exporters }, gateway.solve);
    const image = built.images[0]?.id;
    if (image !== undefined) note?.(image);
    return { result: resultOf(gateway, built) };
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Builds a graph, and exports nothing. */
async function evaluate(gateway: Gateway, ref: string, solver: Solver): Promise<void> {
  if (gateway.isBuilt(ref)) return;
  const wish = { ...buildOf(gateway.request), exporters: [], cacheTo: [] };
  await solver.solve(wish, gateway.graphOf(ref), undefined, gateway.solve);
}

async function lookInto<T>(
  gateway: Gateway,
  ref: string,
  solver: Solver,
  look: (tree: OpenTree) => T,
): Promise<T> {
  return await solver.look(buildOf(gateway.request), gateway.treeOf(ref), gateway.solve, look);
}

async function resolveImage(
  { request, solve }: Gateway,
  {
    ref,
    platform,
    resolveMode,
  }: Pick<ReturnType<typeof resolveImageRequest.decode>, "ref" | "platform" | "resolveMode">,
  solver: Solver,
) {
  const resolve = resolveMode === "pull" || resolveMode === "local" ? resolveMode : "default";
  const wanted = platform === undefined ? "" : formatPlatform(platform);
  return await solver.resolveImage(buildOf(request), { reference: ref, resolve, platform: wanted }, solve);
}

const emptyResult = {
  plainRef: "",
  plainRefs: undefined,
  refs: undefined,
  metadata: new Map<string, Uint8Array>(),
};

function resultOf(gateway: Gateway, built: BuildResult | undefined) {
  const image = built?.images[0]?.id;
  const id = built === undefined ? "" : gateway.add(built);
  const definition = image === undefined ? undefined : imageDefinition(image);
  const metadata = new Map<string, Uint8Array>();
  const config = built?.exporter["containerimage.config"];
  if (config !== undefined) metadata.set("containerimage.config", encoder.encode(config));
  return { ...emptyResult, ref: { id, definition }, metadata };
}
