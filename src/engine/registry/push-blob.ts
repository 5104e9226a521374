/** Blobs into a repository: found there, mounted from a neighbour, or uploaded as a stream that goes on where it broke. */
import { monotonicMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { every } from "../../lib/timer.ts";
import type { Call, Connection } from "./connection.ts";
import { sha256Of } from "./digest-check.ts";
import type { HttpAnswer } from "./exchange.ts";
import { cancelled, StalledError } from "./failure.ts";
import { tooNear } from "./near-hosts.ts";
import type { Operation } from "./operation.ts";
import { pauseFor, seconds } from "./patience.ts";

export interface UploadSource {
  /** From its first byte, the same bytes each time; throws when they are not what they should be. */
  open(signal: AbortSignal): AsyncIterable<Uint8Array>;
  readonly onBytes?: (sent: number) => void;
  readonly onRetry?: (reason: string) => void;
}

export interface UploadedBlob {
  readonly digest: string;
  readonly size: number;
}

/** A registry may move or check what it has got before it answers. */
const commitMs = 10 * 60_000;
const looksPerStall = 4;

interface Attempt {
  readonly location: URL;
  readonly sent: UploadedBlob;
}

/** What was to be sent could not be had, which another upload will not change. */
class SourceFailure extends Error {
  constructor(cause: unknown) {
    super("the source of an upload failed", { cause });
  }
}

export class BlobPush {
  readonly #operation: Operation;
  readonly #connection: Connection;
  readonly #scope: string;

  constructor(operation: Operation, connection: Connection) {
    this.#operation = operation;
    this.#connection = connection;
    this.#scope = `repository:${connection.endpoint.repository}:pull,push`;
  }

  async exists(digest: string): Promise<boolean> {
    const answer = await this.#request({
      method: "HEAD",
      target: `blobs/${digest}`,
      accepts: [200, 404],
      what: `look for blob ${digest} at ${this.#host}`,
    });
    await answer.discard();
    return answer.status === 200;
  }

  /** The repository of the same registry that it was mounted from; undefined when the registry would not. */
  async mount(digest: string, from: readonly string[]): Promise<string | undefined> {
    for (const repository of from) {
      const query = new URLSearchParams({ mount: digest, from: repository });
      const answer = await this.#request({
        method: "POST",
        target: `blobs/uploads/?${query}`,
        body: new Uint8Array(0),
        scope: `${this.#scope} repository:${repository}:pull`,
        accepts: [201, 202, 401, 403, 404],
        what: `mount blob ${digest} at ${this.#host}`,
      });
      await answer.discard();
      if (answer.status === 201) return repository;
      // The registry has begun an upload instead, which nobody wants.
      if (answer.status === 202) await this.#giveUp(this.#location(answer));
    }
    return undefined;
  }

  /** A small blob that is in memory, unless it is there. */
  async put(bytes: Uint8Array): Promise<UploadedBlob> {
    const digest = sha256Of(bytes);
    if (await this.exists(digest)) return { digest, size: bytes.length };
    const location = await this.#begin();
    await this.#commit(location, digest, bytes);
    return { digest, size: bytes.length };
  }

  /** A stream of any length; its digest is known when it has been sent. */
  async upload(source: UploadSource): Promise<UploadedBlob> {
    const { limits, signal } = this.#operation;
    let location = await this.#begin();
    let offset = 0;
    for (let tried = 1; ; tried += 1) {
      const progress = { sent: offset };
      try {
        const attempt = await this.#send(location, offset, source, progress);
        await this.#commit(attempt.location, attempt.sent.digest, undefined);
        return attempt.sent;
      } catch (thrown) {
        if (signal.aborted) throw cancelled(`the push to ${this.#host}`);
        const again = thrown instanceof TiffinError && thrown.kind === "unavailable";
        if (thrown instanceof SourceFailure) {
          await this.#giveUp(location);
          throw thrown.cause;
        }
        if (!again || tried >= limits.tries) {
          await this.#giveUp(location);
          throw thrown;
        }
        source.onRetry?.(thrown.message);
        await pauseFor(limits.backoffMs * 2 ** (tried - 1), signal);
        const kept = await this.#progressOf(location);
        // An upload that goes on is not the one that failed before.
        if (kept !== undefined && kept.offset > offset) tried = 0;
        location = kept?.location ?? (await this.#begin());
        offset = kept?.offset ?? 0;
      }
    }
  }

  async #begin(): Promise<URL> {
    const answer = await this.#request({
      method: "POST",
      target: "blobs/uploads/",
      body: new Uint8Array(0),
      accepts: [202],
      what: `begin an upload to ${this.#host}`,
    });
    await answer.discard();
    return this.#location(answer);
  }

  async #send(
    location: URL,
    offset: number,
    source: UploadSource,
    progress: { sent: number },
  ): Promise<Attempt> {
    const stop = new AbortController();
    const body = new UploadBody(source, offset, this.#operation.limits.stallMs, stop, progress);
    const what = `upload to ${this.#host}`;
    try {
      using _watch = body.watch();
      const answer = await this.#request({
        method: "PATCH",
        target: location,
        headers: { "Content-Type": "application/octet-stream" },
        body,
        accepts: [202, 204, 201],
        patienceMs: Number.POSITIVE_INFINITY,
        signal: AbortSignal.any([this.#operation.signal, stop.signal]),
        what,
      });
      await answer.discard();
      if (body.failure !== undefined) throw new SourceFailure(body.failure);
      return { location: this.#location(answer, location), sent: body.result() };
    } catch (thrown) {
      const { failure } = body;
      if (failure instanceof StalledError) {
        throw new TiffinError("unavailable", "registry.unreachable", `cannot ${what}: ${failure.message}`);
      }
      throw failure === undefined ? thrown : new SourceFailure(failure);
    }
  }

  async #commit(location: URL, digest: string, bytes: Uint8Array | undefined): Promise<void> {
    const url = new URL(location);
    url.searchParams.set("digest", digest);
    const answer = await this.#request({
      method: "PUT",
      target: url,
      headers: { "Content-Type": "application/octet-stream" },
      body: bytes ?? new Uint8Array(0),
      accepts: [201, 204],
      patienceMs: commitMs,
      what: `upload blob ${digest} to ${this.#host}`,
    });
    await answer.discard();
  }

  /** How much of an upload the registry has; undefined when it knows nothing of it. */
  async #progressOf(location: URL): Promise<{ readonly location: URL; readonly offset: number } | undefined> {
    try {
      const answer = await this.#request({
        method: "GET",
        target: location,
        accepts: [204, 200],
        what: `ask for the upload's state at ${this.#host}`,
      });
      await answer.discard();
      const last = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1];
      // "0-0" is what registries say of an upload that is still empty; a single byte may as well be sent again.
      if (last === undefined || last === "0") return undefined;
      return { location: this.#location(answer, location), offset: Number(last) + 1 };
    } catch {
      return undefined;
    }
  }

  async #giveUp(location: URL): Promise<void> {
    if (this.#operation.signal.aborted) return;
    await this.#request({
      method: "DELETE",
      target: location,
      accepts: [200, 202, 204, 400, 404, 405],
      what: `give up an upload to ${this.#host}`,
    }).then(
      (answer) => answer.discard(),
      () => undefined,
    );
  }

  #location(answer: HttpAnswer, before?: URL): URL {
    const found = answer.headers.get("location");
    if (found === null && before !== undefined) return before;
    const url =
      found !== null && URL.canParse(found, answer.url.href) ? new URL(found, answer.url.href) : undefined;
    const plain =
      url?.protocol === "http:" && (answer.url.protocol === "http:" || this.#operation.hosts.insecure(url));
    const near = url === undefined ? undefined : tooNear(answer.url, url);
    if (near === undefined && url !== undefined && (url.protocol === "https:" || plain)) return url;
    const why = near === undefined ? "" : `, a ${near} address, which nobody else may lead to`;
    throw new TiffinError(
      "unavailable",
      "registry.bad-redirect",
      `cannot upload to ${this.#host}: it gives ${JSON.stringify(found)} as the place to upload to${why}`,
    );
  }

  get #host(): string {
    return this.#connection.endpoint.host;
  }

  #request(
    call: Omit<Call, "signal" | "scope"> & { readonly signal?: AbortSignal; readonly scope?: string },
  ): Promise<HttpAnswer> {
    return this.#connection.request({ scope: this.#scope, signal: this.#operation.signal, ...call });
  }
}

/** The bytes of one PATCH: the whole source is read and counted, what the registry has already is not sent. */
class UploadBody implements AsyncIterable<Uint8Array> {
  readonly #source: UploadSource;
  readonly #offset: number;
  readonly #stallMs: number;
  readonly #stop: AbortController;
  readonly #progress: { sent: number };
  readonly #hasher = new Bun.CryptoHasher("sha256");
  #size = 0;
  #offeredMs: number | undefined;
  failure: unknown;

  constructor(
    source: UploadSource,
    offset: number,
    stallMs: number,
    stop: AbortController,
    progress: { sent: number },
  ) {
    this.#source = source;
    this.#offset = offset;
    this.#stallMs = stallMs;
    this.#stop = stop;
    this.#progress = progress;
  }

  result(): UploadedBlob {
    return { digest: `sha256:${this.#hasher.digest("hex")}`, size: this.#size };
  }

  /** Notices a registry that takes no more bytes. */
  watch(): Disposable {
    return every(
      Math.max(1, this.#stallMs / looksPerStall),
      () => {
        if (this.#offeredMs === undefined || monotonicMs() - this.#offeredMs < this.#stallMs) return;
        this.failure ??= new StalledError(`nothing was taken for ${seconds(this.#stallMs)}`);
        this.#stop.abort(this.failure);
      },
      { background: true },
    );
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of this.#source.open(this.#stop.signal)) {
        this.#hasher.update(piece);
        const before = this.#size;
        this.#size += piece.length;
        if (this.#size <= this.#offset) continue;
        this.#offeredMs = monotonicMs();
        yield before >= this.#offset ? piece : piece.subarray(this.#offset - before);
        this.#offeredMs = undefined;
        this.#progress.sent = this.#size;
        this.#source.onBytes?.(this.#size);
      }
      // From here on the registry's answer is what is waited for.
      this.#offeredMs = monotonicMs() + commitMs;
    } catch (thrown) {
      this.failure ??= thrown;
      this.#stop.abort(thrown);
      throw thrown;
    }
  }
}
