/** Builds that are asked for in BuildKit's words: with what they need from their client's session, and where the result goes. */
import { createHash } from "node:crypto";
import {
  CallFailed,
  type ClientSession,
  codes,
  type Exporter,
  type SentTree,
  type SessionRegistry,
} from "../../buildkit/mod.ts";
import { nowMs } from "../../lib/clock.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import type { Platform } from "../../oci/mod.ts";
import {
  type BuildEvent,
  type BuildResult,
  type CacheExport,
  type CacheImport,
  type CheckedFile,
  dockerfileContextName,
  inOrder,
  type LocalContext,
  mainContextName,
  type NamedContext,
  type OpenTree,
  plainBuildRequest,
  type VertexOutput,
} from "../build/mod.ts";
import type { Builder } from "./builder.ts";
import { type Attributes, requestOf, withPrefix } from "./frontend-request.ts";
import { graphDocument } from "./graph-document.ts";
import { sessionDirectory, sessionInputs, type TellTransfer, uploadContext } from "./session-inputs.ts";
import { outputsOf } from "./solve-outputs.ts";
import type { Solve } from "./solves.ts";
import { statusOf } from "./status-events.ts";

export interface SolverParts {
  readonly builder: Builder;
  readonly sessions: SessionRegistry;
  /** What a context may have at most. */
  readonly limitBytes: number;
  readonly host: Platform;
  readonly stage: (tar: AsyncIterable<Uint8Array>) => Promise<AsyncDisposable & SentTree>;
}

/** A Dockerfile's build. */
export interface FrontendBuild {
  readonly attributes: Attributes;
  /** Images that stand for what a client refers to by a graph. */
  readonly images: ReadonlyMap<string, string>;
  readonly sessionId: string;
  readonly exporters: readonly Exporter[];
  readonly entitlements: readonly string[];
  readonly cacheFrom: readonly CacheImport[];
  readonly cacheTo: readonly CacheExport[];
  /** What is not in the session: a context that has come by itself. */
  readonly context?: LocalContext;
}

const dockerfileFrontend = "dockerfile.v0";
const gatewayFrontend = "gateway.v0";
/** The frontends that our builder is. */
const ownFrontends =
  /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?::(?:1(?:\.[0-9]+)*|latest|master|labs|1-labs))?(?:@sha256:[0-9a-f]{64})?$/;

/** Refuses a frontend that is not built in. */
export function checkFrontend(frontend: string, attributes: Attributes): void {
  if (frontend === dockerfileFrontend) return;
  const source = attributes.get("source") ?? "";
  if (frontend === gatewayFrontend && ownFrontends.test(source)) return;
  const shown = frontend === gatewayFrontend ? source : frontend;
  throw new TiffinError(
    "notImplemented",
    "buildkit.frontend",
    `the frontend ${JSON.stringify(shown)} is not run by this engine`,
    { remedy: "the stable Dockerfile syntax is built in: leave the frontend out" },
  );
}

export class Solver {
  readonly #parts: SolverParts;

  constructor(parts: SolverParts) {
    this.#parts = parts;
  }

  /** Ends with `solve.signal`, and when the client's session does. */
  async build(asked: FrontendBuild, solve: Solve): Promise<BuildResult> {
    checkNoSubrequest(asked.attributes);
    const { builder, stage } = this.#parts;
    const { signal } = solve;
    const { session, inputs } = await this.#inputs(asked, solve);
    const request = requestOf(asked.attributes, {
      entitlements: asked.entitlements,
      cacheFrom: asked.cacheFrom,
      cacheTo: asked.cacheTo,
      outputs: outputsOf(asked.exporters, { session, stage, signal }),
    });
    const tell = teller(solve);
    const dockerfile = transferDigest(solve, dockerfileOf(asked.attributes));
    return await builder.build(
      { ...request, tellsChecks: true },
      inputs,
      (event) => tell(event.kind === "warning" ? { ...event, vertex: dockerfile } : event),
      signal,
    );
  }

  /** What is doubtful in the Dockerfile, instead of its build. */
  async check(asked: FrontendBuild, solve: Solve): Promise<CheckedFile> {
    const { inputs } = await this.#inputs(asked, solve);
    const request = requestOf(asked.attributes, {
      entitlements: [],
      cacheFrom: [],
      cacheTo: [],
      outputs: [],
    });
    return await this.#parts.builder.check(request, inputs, teller(solve), solve.signal);
  }

  async #inputs(asked: FrontendBuild, solve: Solve) {
    const { sessions, limitBytes } = this.#parts;
    const { signal } = solve;
    const session = asked.sessionId === "" ? undefined : await sessions.get(asked.sessionId, signal);
    void session?.connection.closed.then(() => solve.cancel());
    const contexts = await this.#contexts(asked, session, solve);
    const inputs =
      session === undefined
        ? { ...nothing, contexts }
        : sessionInputs({ session, limitBytes }, contexts, signal);
    return { session, inputs };
  }

  /** A graph that was made elsewhere. @param config What the image's configuration is to be, without its layers. */
  async solve(
    asked: FrontendBuild,
    graph: VertexOutput | undefined,
    config: Uint8Array | undefined,
    solve: Solve,
  ): Promise<BuildResult> {
    const { builder, stage, host } = this.#parts;
    const { signal } = solve;
    const { session, inputs } = await this.#graphInputs(asked, graph, solve);
    const { entitlements, cacheFrom, cacheTo } = asked;
    const outputs = outputsOf(asked.exporters, { session, stage, signal });
    const request = { ...plainBuildRequest, entitlements, cacheFrom, cacheTo, outputs };
    const document = graphDocument(config, host);
    const roots = [{ output: graph, platform: host, document }];
    return await builder.solve(request, roots, inputs, teller(solve), signal);
  }

  /** Looks into what a graph comes to. */
  async look<T>(
    asked: FrontendBuild,
    graph: VertexOutput | undefined,
    solve: Solve,
    look: (tree: OpenTree) => T,
  ): Promise<T> {
    const { inputs } = await this.#graphInputs(asked, graph, solve);
    const { entitlements, cacheFrom } = asked;
    const request = { ...plainBuildRequest, entitlements, cacheFrom };
    const { signal } = solve;
    return await this.#parts.builder.lookInto(graph, request, inputs, {
      report: teller(solve),
      signal,
      look,
    });
  }

  /** By its digest, and with its document. */
  async resolveImage(
    asked: FrontendBuild,
    image: Parameters<Builder["resolveImage"]>[0],
    solve: Solve,
  ): ReturnType<Builder["resolveImage"]> {
    const { inputs } = await this.#graphInputs(asked, undefined, solve);
    return await this.#parts.builder.resolveImage(image, inputs, teller(solve), solve.signal);
  }

  async #graphInputs(asked: FrontendBuild, graph: VertexOutput | undefined, solve: Solve) {
    const { sessions, limitBytes } = this.#parts;
    const { signal } = solve;
    const session = asked.sessionId === "" ? undefined : await sessions.get(asked.sessionId, signal);
    void session?.connection.closed.then(() => solve.cancel());
    const contexts = new Map<string, NamedContext>();
    for (const { operation } of inOrder(graph === undefined ? [] : [graph.vertex])) {
      if (operation.kind !== "local" || session === undefined) continue;
      const local = sessionDirectory({ session, limitBytes }, operation.name);
      contexts.set(operation.name, { kind: "local", local });
    }
    const inputs =
      session === undefined
        ? { ...nothing, contexts }
        : sessionInputs({ session, limitBytes }, contexts, signal);
    return { session, inputs };
  }

  async #contexts(
    asked: FrontendBuild,
    session: ClientSession | undefined,
    solve: Solve,
  ): Promise<Map<string, NamedContext>> {
    const { signal } = solve;
    const { attributes } = asked;
    const { sessions, limitBytes } = this.#parts;
    const contexts = new Map<string, NamedContext>();
    const local = async (name: string, tell?: TellTransfer): Promise<NamedContext | undefined> => {
      // A session that several builds share for one directory.
      const id = attributes.get(`local-sessionid:${name}`) ?? "";
      const of = id === "" ? session : await sessions.get(id, signal);
      return of && { kind: "local", local: sessionDirectory({ session: of, limitBytes }, name, tell) };
    };
    const add = (name: string, context: NamedContext | undefined): void => {
      if (context !== undefined) contexts.set(name, context);
    };
    const mainName = attributes.get("contextkey") ?? mainContextName;
    const main = attributes.get(mainName) ?? "";
    if (asked.context !== undefined) add(mainContextName, { kind: "local", local: asked.context });
    else if (main.startsWith("input:"))
      add(mainContextName, await this.#input(asked, main.slice("input:".length)));
    else if (main !== "") add(mainContextName, this.#remote(main, session));
    else add(mainContextName, await local(mainName));
    const dockerfile = attributes.get("dockerfilekey") ?? dockerfileContextName;
    const hasOwnDockerfile = attributes.has("dockerfilekey");
    if ((asked.context === undefined && main === "") || hasOwnDockerfile) {
      const file = dockerfileOf(attributes);
      add(dockerfileContextName, await local(dockerfile, toldTransfer(solve, file)));
    }
    for (const [name, where] of Object.entries(withPrefix(attributes, "context:"))) {
      const at = where.indexOf(":");
      const rest = where.slice(at + 1);
      const kind = at === -1 ? "" : where.slice(0, at);
      if (kind === "local") add(name, await local(rest));
      else if (kind === "input") add(name, await this.#input(asked, rest));
      else if (kind === "docker-image") add(name, { kind: "image", reference: rest.replace(/^\/\//, "") });
      else add(name, this.#remote(where, session));
    }
    return contexts;
  }

  #remote(url: string, session: ClientSession | undefined): NamedContext {
    const upload =
      session === undefined ? undefined : uploadContext({ session, limitBytes: this.#parts.limitBytes }, url);
    return upload === undefined ? { kind: "remote", url } : { kind: "local", local: upload };
  }

  async #input({ images }: FrontendBuild, name: string): Promise<NamedContext> {
    const reference = images.get(name);
    if (reference === undefined) {
      throw new TiffinError("invalid", "buildkit.input", `the client gives no input ${JSON.stringify(name)}`);
    }
    return { kind: "image", reference };
  }
}

function teller(solve: Solve): (event: BuildEvent) => void {
  return (event) => {
    const status = statusOf(event);
    if (status !== undefined) solve.report(status);
  };
}

function dockerfileOf(attributes: Attributes): string {
  return attributes.get("filename") ?? "Dockerfile";
}

/** Of the vertex under which a Dockerfile comes. */
function transferDigest({ ref }: Solve, name: string): string {
  return `sha256:${createHash("sha256").update(`${ref} ${name}`).digest("hex")}`;
}

/** A Dockerfile on its way, as clients are used to see it. */
function toldTransfer(solve: Solve, name: string): TellTransfer {
  const vertex = {
    kind: "vertex",
    digest: transferDigest(solve, name),
    name: `[internal] load build definition from ${name}`,
    inputs: [],
    cached: false,
  } as const;
  const tell = teller(solve);
  return async (transfer) => {
    const startedMs = nowMs();
    tell({ ...vertex, startedMs });
    let error: string | undefined;
    try {
      const bytes = await transfer();
      const atMs = nowMs();
      const status = { id: "transferring dockerfile:", name: "", current: bytes, total: 0 };
      tell({ kind: "status", vertex: vertex.digest, ...status, atMs, startedMs, completedMs: atMs });
    } catch (thrown) {
      error = messageOf(thrown);
      throw thrown;
    } finally {
      tell({ ...vertex, startedMs, completedMs: nowMs(), ...(error !== undefined && { error }) });
    }
  };
}

/** Questions about a Dockerfile, instead of its build. */
function checkNoSubrequest(attributes: Attributes): void {
  const question = attributes.get("requestid") ?? "";
  if (question === "") return;
  throw new CallFailed(
    codes.unimplemented,
    `the question ${question} about a Dockerfile is not answered here`,
  );
}

const nothing = {
  secret: async () => undefined,
  hasAgent: async () => false,
  connectAgent: async (id: string) => {
    throw new TiffinError("notFound", "buildkit.no-agent", `there is no ssh agent ${JSON.stringify(id)}`);
  },
  credentials: async () => undefined,
};
