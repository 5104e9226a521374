/**
 * Builds of clients that ask for them by `POST /build` with a session: docker's own before buildx. Their progress is a line of
 * BuildKit's status each; a context that comes as a body has a request of its own, which finds its build by the id.
 */
import { statusResponse } from "../../buildkit/mod.ts";
import { TiffinError } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { after } from "../../lib/timer.ts";
import { archiveContext } from "../build/mod.ts";
import type { BuildHistory } from "./history.ts";
import type { FrontendBuild, Solver } from "./solver.ts";
import type { SolveRegistry } from "./solves.ts";

export interface SessionBuildParts {
  readonly solver: Solver;
  readonly solves: SolveRegistry;
  readonly history: BuildHistory;
  readonly limitBytes: number;
}

export interface SessionBuildRequest {
  /** By which the client ends it, and sends a context. */
  readonly id: string;
  readonly sessionId: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly exporters: readonly { readonly type: string; readonly attributes: ReadonlyMap<string, string> }[];
  /** The context comes in a request of its own. */
  readonly uploaded: boolean;
  readonly inlineCache: boolean;
  /** The image's id is told as text, too. */
  readonly quiet: boolean;
}

export type SessionBuildMessage =
  | { readonly id: string; readonly aux: unknown }
  | { readonly stream: string };

const traceId = "moby.buildkit.trace";
const imageId = "moby.image.id";
const limitUploadWaitMs = 30_000;
const refDigits = 24;

interface Upload {
  readonly body: AsyncIterable<Uint8Array>;
  readonly done: (thrown?: unknown) => void;
}

export class SessionBuilds {
  readonly #parts: SessionBuildParts;
  readonly #uploads = new Map<string, Upload>();
  readonly #waiting = new Map<string, (upload: Upload) => void>();

  constructor(parts: SessionBuildParts) {
    this.#parts = parts;
  }

  async build(
    request: SessionBuildRequest,
    report: (message: SessionBuildMessage) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { solver, solves, history } = this.#parts;
    const solve = solves.begin(request.id === "" ? randomHex(refDigits) : request.id);
    const cancel = (): void => solve.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    const exporters = [...request.exporters];
    const asked: FrontendBuild = {
      attributes: request.attributes,
      images: new Map(),
      sessionId: request.sessionId,
      exporters,
      entitlements: [],
      cacheFrom: [],
      cacheTo: request.inlineCache ? [{ kind: "inline" }] : [],
      ...(request.uploaded && {
        context: archiveContext((abort) => this.#upload(request.id, abort), this.#parts.limitBytes),
      }),
    };
    const entry = history.begin(solve.ref, "dockerfile.v0", request.attributes, exporters);
    solve.watch = (status) => entry.see(status);
    const telling = (async (): Promise<void> => {
      for await (const status of solve.progress.read(signal)) {
        report({ id: traceId, aux: Buffer.from(statusResponse.encode(status)).toString("base64") });
      }
    })();
    let failure: unknown;
    let response: ReadonlyMap<string, string> = new Map();
    try {
      const result = await solver.build(asked, solve);
      response = new Map(Object.entries(result.exporter));
      solve.progress.end();
      await telling;
      const [image] = result.images;
      if (image?.id === undefined) return;
      report({ id: imageId, aux: { ID: image.id } });
      if (request.quiet) report({ stream: `${image.id}\n` });
    } catch (thrown) {
      failure = thrown;
      solve.progress.end();
      await telling;
      throw thrown;
    } finally {
      signal.removeEventListener("abort", cancel);
      solves.end(solve);
      history.end(entry, response, failure);
    }
  }

  /** The context of a build, as the body of a request of its own. Resolves when the build has read it. */
  async receiveContext(id: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    if (this.#uploads.has(id)) {
      throw new TiffinError(
        "conflict",
        "buildkit.upload",
        `there is a context for the build ${JSON.stringify(id)} already`,
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const done = (thrown?: unknown): void => (thrown === undefined ? resolve() : reject(thrown));
    const upload = { body, done };
    const hear = this.#waiting.get(id);
    if (hear === undefined) this.#uploads.set(id, upload);
    else hear(upload);
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    using _timer = after(limitUploadWaitMs, () => {
      if (this.#uploads.get(id) !== upload) return;
      reject(
        new TiffinError("notFound", "buildkit.upload", `no build ${JSON.stringify(id)} wants this context`),
      );
    });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", stop);
      if (this.#uploads.get(id) === upload) this.#uploads.delete(id);
    }
  }

  /** False: there is no such build. */
  cancel(id: string): boolean {
    const solve = this.#parts.solves.find(id);
    solve?.cancel();
    return solve !== undefined;
  }

  async *#upload(id: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { body, done } = this.#uploads.get(id) ?? (await this.#nextUpload(id, signal));
    this.#uploads.delete(id);
    try {
      yield* body;
      done();
    } catch (thrown) {
      done(thrown);
      throw thrown;
    } finally {
      done();
    }
  }

  async #nextUpload(id: string, signal: AbortSignal): Promise<Upload> {
    const { promise, resolve, reject } = Promise.withResolvers<Upload>();
    this.#waiting.set(id, resolve);
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    using _timer = after(limitUploadWaitMs, () =>
      reject(new TiffinError("invalid", "buildkit.upload", "the client does not send its context")),
    );
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#waiting.delete(id);
    }
  }
}
