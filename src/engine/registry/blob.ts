/**
 * A blob as a stream of verified bytes. It begins with what an earlier try has left, goes on where the line broke, turns to
 * the next endpoint when one gives up, and ends by throwing unless size and digest are right.
 */
import { monotonicMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { freeBytes } from "../../lib/free-bytes.ts";
import type { OciDescriptor } from "../../oci/mod.ts";
import type { Connection } from "./connection.ts";
import type { RegistryLimits } from "./contract.ts";
import { checkDigest } from "./digest-check.ts";
import { exchangeError, exchangeText, type HttpAnswer } from "./exchange.ts";
import { cancelled, lineFailure } from "./failure.ts";
import { pauseFor } from "./patience.ts";
import type { StagedBlob } from "./staging.ts";

export interface BlobRequest {
  /** In the order in which to try. */
  readonly connections: readonly Connection[];
  readonly descriptor: OciDescriptor;
  readonly limits: RegistryLimits;
  readonly signal: AbortSignal;
  readonly staged?: StagedBlob | undefined;
  readonly onBytes?: (arrived: number) => void;
  readonly onRetry?: (reason: string) => void;
}

const ok = 200;
const partial = 206;
const rangeImpossible = 416;
/** A blob from so many bytes on is asked for in parts, to see whether that works and pays. */
const largeBytes = 32 * 1024 * 1024;
const firstPartBytes = 8 * 1024 * 1024;
const segmentBytes = 4 * 1024 * 1024;
/** Parts at the same time pay when this machine waited for so much of the time, at no more than such a rate. */
const waitedShare = 0.6;
const slowBytesPerMs = 40_000;

/** How much is asked for at once on a line that breaks again and again. */
const mostAgainBytes = 256 * 1024;
const leastAskedBytes = 16 * 1024;
const growth = 2;
const shrinkage = 8;

/** A piece is valid until the next one is asked for. Throws `TiffinError`; `registry.wrong-digest` and `registry.wrong-size` are about the blob, others about the line. */
export async function* readBlob(request: BlobRequest): AsyncGenerator<Uint8Array, void, undefined> {
  const { descriptor, staged, onBytes } = request;
  const check = checkDigest(descriptor.digest);
  let position = 0;
  const arrived = (piece: Uint8Array): void => {
    position += piece.length;
    check.update(piece);
    onBytes?.(position);
  };
  for (const piece of staged?.read() ?? []) {
    arrived(piece);
    yield piece;
    freeBytes(piece);
  }
  if (position < descriptor.size || descriptor.size === 0) {
    for await (const piece of fetched(request, position)) {
      arrived(piece);
      staged?.append(piece);
      yield piece;
      freeBytes(piece);
    }
  }
  check.verify(`blob ${descriptor.digest} of ${request.connections[0]?.endpoint.repository}`);
}

/** The bytes from `from` on. */
async function* fetched(request: BlobRequest, from: number): AsyncGenerator<Uint8Array, void, undefined> {
  const { size } = request.descriptor;
  if (size - from < largeBytes || request.limits.parallelRanges < 2) {
    yield* new Span(request, from, size).pieces();
    return;
  }
  const first = new Span(request, from, from + firstPartBytes);
  yield* first.pieces();
  const { position } = first;
  if (position >= size) return;
  if (!first.isLineBound) yield* new Span(request, position, size).pieces();
  else yield* inParallel(request, position);
}

/** Segments on several connections at the same time, in their order. */
async function* inParallel(request: BlobRequest, from: number): AsyncGenerator<Uint8Array, void, undefined> {
  const { descriptor, limits, staged } = request;
  const stop = new AbortController();
  const own = { ...request, signal: AbortSignal.any([request.signal, stop.signal]) };
  const load = async (at: number): Promise<Uint8Array> => {
    const end = Math.min(at + segmentBytes, descriptor.size);
    const kept = staged?.takeAhead(at, end - at);
    if (kept !== undefined) return kept;
    const pieces: Uint8Array[] = [];
    for await (const piece of new Span(own, at, end).pieces()) pieces.push(piece);
    const segment = Buffer.concat(pieces);
    staged?.keepAhead(at, segment);
    return segment;
  };
  const pending: { readonly at: number; readonly segment: Promise<Uint8Array> }[] = [];
  let next = from;
  const begin = (): void => {
    if (next >= descriptor.size) return;
    const segment = load(next);
    // Looked at in its turn.
    segment.catch(() => undefined);
    pending.push({ at: next, segment });
    next += segmentBytes;
  };
  try {
    for (let count = 0; count < limits.parallelRanges; count += 1) begin();
    for (let turn = pending.shift(); turn !== undefined; turn = pending.shift()) {
      const segment = await turn.segment;
      begin();
      // A `slice` of this is a copy, which one of a Buffer is not.
      yield new Uint8Array(segment.buffer, segment.byteOffset, segment.length);
      // By now it has been appended to the beginning.
      staged?.dropAhead(turn.at);
    }
  } finally {
    stop.abort();
    await Promise.allSettled(pending.map(({ segment }) => segment));
  }
}

/** Bytes `from` to `to` of a blob, with all the tries that they take. */
class Span {
  readonly #request: BlobRequest;
  readonly #to: number;
  #endpoint = 0;
  #tried = 0;
  /** Asked for at once; less after a line has broken before anything of it was taken. */
  #mostBytes = Number.POSITIVE_INFINITY;
  #waitedMs = 0;
  #elapsedMs = 0;
  #bytes = 0;
  position: number;

  constructor(request: BlobRequest, from: number, to: number) {
    this.#request = request;
    this.position = from;
    this.#to = Math.min(to, request.descriptor.size);
  }

  /** The time went by with waiting for bytes, and they were not many. */
  get isLineBound(): boolean {
    const slow = this.#bytes < slowBytesPerMs * this.#elapsedMs;
    return slow && this.#waitedMs > waitedShare * this.#elapsedMs;
  }

  get #connection(): Connection {
    const found = this.#request.connections[this.#endpoint];
    if (found === undefined) throw new RangeError("a blob without an endpoint");
    return found;
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const startedMs = monotonicMs();
    for (let done = false; !done; ) {
      const before = this.position;
      try {
        const wanted = Math.min(this.#to, before + this.#mostBytes);
        yield* this.#attempt(wanted);
        if (this.position < wanted) await this.#failed(new ShortAnswer(this.position), before);
        else {
          this.#mostBytes *= growth;
          this.#tried = 0;
        }
        done = this.position >= this.#to;
      } catch (thrown) {
        await this.#failed(thrown, before);
      }
    }
    this.#elapsedMs = monotonicMs() - startedMs;
  }

  /** Asks for the bytes up to `to` once. */
  async *#attempt(to: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { descriptor, signal } = this.#request;
    const { size } = descriptor;
    const whole = this.position === 0 && to === size;
    const answer = await this.#connection.request({
      method: "GET",
      target: `blobs/${descriptor.digest}`,
      headers: whole ? {} : { Range: `bytes=${this.position}-${to - 1}` },
      accepts: [ok, partial, rangeImpossible],
      what: this.#what,
      signal,
    });
    let skip = this.#skipOf(answer);
    const from = this.position;
    // An answer with all of it may as well be used for all of it, when it begins here.
    const end = answer.status === ok && from === 0 ? size : to;
    let waitingSinceMs = monotonicMs();
    for await (const piece of answer.pieces()) {
      this.#waitedMs += monotonicMs() - waitingSinceMs;
      const fresh = skip >= piece.length ? piece.subarray(0, 0) : piece.subarray(skip);
      skip -= piece.length - fresh.length;
      const left = end - this.position;
      // More than there should be: of the blob itself it is an error, of a longer answer it is the next one's.
      if (fresh.length > left && end === size) throw this.#wrongSize(`more than ${size}`);
      const used = fresh.length > left ? fresh.subarray(0, left) : fresh;
      this.position += used.length;
      this.#bytes += used.length;
      if (used.length > 0) yield used;
      if (this.position >= end && end < size) return;
      waitingSinceMs = monotonicMs();
    }
  }

  get #what(): string {
    return `fetch blob ${this.#request.descriptor.digest} from ${this.#connection.endpoint.host}`;
  }

  /** How many bytes of the answer are before those that are wanted. */
  #skipOf(answer: HttpAnswer): number {
    const { size } = this.#request.descriptor;
    const length = answer.headers.get("content-length");
    if (answer.status === rangeImpossible) throw this.#wrongSize(`at most ${this.position}`);
    if (answer.status === ok) {
      if (length !== null && Number(length) !== size) throw this.#wrongSize(length);
      return this.position;
    }
    const [, start, total] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get("content-range") ?? "") ?? [];
    if (total !== undefined && total !== "*" && Number(total) !== size) throw this.#wrongSize(total);
    if (Number(start) === this.position) return 0;
    throw new TiffinError(
      "unavailable",
      "registry.bad-range",
      `cannot ${this.#what}: asked for bytes from ${this.position}, the answer has ${start ?? "no range"}`,
    );
  }

  #wrongSize(found: string): TiffinError {
    const { digest, size } = this.#request.descriptor;
    return new TiffinError(
      "invalid",
      "registry.wrong-size",
      `blob ${digest} at ${this.#connection.endpoint.host} has ${found} bytes, its manifest says ${size}`,
      { remedy: "the registry's copy is damaged: push the image there again" },
    );
  }

  /** Pauses before the next try, or throws when there is none. `before`: where the last one began. */
  async #failed(thrown: unknown, before: number): Promise<void> {
    const { limits, signal, connections, onRetry } = this.#request;
    if (signal.aborted) throw cancelled(this.#what);
    const transient =
      thrown instanceof ShortAnswer || (!(thrown instanceof TiffinError) && lineFailure(thrown).transient);
    // A line that lives counts as new; one that brings a few bytes at a time does not.
    const lively = Math.max(1, (limits.slowestBytesPerSecond * limits.stallMs) / 1000);
    const isLively = this.position - before >= lively;
    this.#tried = isLively ? 1 : this.#tried + 1;
    // What is on its way when a line breaks is lost with it; an answer that is short enough arrives whole.
    if (!isLively)
      this.#mostBytes = Math.max(leastAskedBytes, Math.min(mostAgainBytes, this.#mostBytes / shrinkage));
    if (transient && this.#tried < limits.tries) {
      onRetry?.(thrown instanceof ShortAnswer ? thrown.message : exchangeText(thrown));
      await pauseFor(limits.backoffMs * 2 ** (this.#tried - 1), signal);
      if (signal.aborted) throw cancelled(this.#what);
      return;
    }
    const isWithdrawn = thrown instanceof TiffinError && thrown.code === "registry.cancelled";
    if (isWithdrawn || this.#endpoint + 1 >= connections.length) {
      if (!(thrown instanceof ShortAnswer))
        throw exchangeError(thrown, this.#what, this.#connection.endpoint.host);
      throw new TiffinError("unavailable", "registry.unreachable", `cannot ${this.#what}: ${thrown.message}`);
    }
    this.#endpoint += 1;
    this.#tried = 0;
  }
}

/** An answer that ended, in good order, before its end. */
class ShortAnswer extends Error {
  constructor(position: number) {
    super(`the answer ended after ${position} bytes`);
  }
}
