/**
 * A pull: reference -> index -> manifest -> configuration -> layers, each verified before it is believed. A layer goes through in
 * one pass: blob -> digest -> decompress -> diff id -> the sink, which writes it where it will stay.
 */
import { familiarName, type Reference } from "../../docker/reference.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { decodeImageConfig, decodeImageDocument } from "../../oci/decode/image-spec.ts";
import {
  choosePlatform,
  configTypes,
  formatPlatform,
  type OciDescriptor,
  type OciImageConfig,
  type OciManifest,
  type Platform,
  platformOf,
  platformOfMachine,
  runsOn,
} from "../../oci/mod.ts";
import { decompress } from "../tree/mod.ts";
import { readBlob } from "./blob.ts";
import type { Connection } from "./connection.ts";
import type {
  FetchedManifest,
  LayerSink,
  PulledImage,
  PulledLayer,
  PullProgress,
  PullRequest,
} from "./contract.ts";
import { checkDigest } from "./digest-check.ts";
import { cancelled } from "./failure.ts";
import type { LayerFlights } from "./layer-flights.ts";
import { limitIndexDepth, limitLayers } from "./limits.ts";
import type { Operation } from "./operation.ts";
import type { Staging } from "./staging.ts";

export interface PullParts {
  readonly operation: Operation;
  readonly flights: LayerFlights;
  readonly staging: Staging;
}

/** Progress is told no more often. */
const tellEveryMs = 100;
/** Of the store, when it cannot write. */
const noRoomCodes = ["layer.write-failed", "archive.unpack-failed"];

type Listener = (progress: PullProgress) => void;

interface FoundManifest {
  readonly fetched: FetchedManifest;
  readonly manifest: OciManifest;
  readonly mediaType: string;
  readonly index: FetchedManifest | undefined;
  readonly connection: Connection;
}

/** Docker's words for a repository that is not there, or not to be seen. */
function pullError(error: unknown, reference: Reference): unknown {
  // What is no `TiffinError` is the store's, not the line's.
  if (!(error instanceof TiffinError)) return error;
  if (error.code !== "registry.unauthorized" && error.code !== "registry.forbidden") return error;
  const { domain, path } = reference;
  const name = domain === "docker.io" ? path.replace(/^library\//, "") : `${domain}/${path}`;
  return new TiffinError(
    "notFound",
    "registry.pull-denied",
    `pull access denied for ${name}, repository does not exist or may require 'docker login': ${error.message}`,
    { cause: error, remedy: `log in first: tiffin login ${domain === "docker.io" ? "" : domain}`.trim() },
  );
}

export async function pullImage(
  parts: PullParts,
  request: PullRequest,
  sink: LayerSink,
  listen: Listener,
): Promise<PulledImage> {
  const { operation } = parts;
  const { reference } = request;
  const wanted = request.platform ?? platformOfMachine(process.arch);
  try {
    const connections = operation.connections(reference, "pull");
    const found = await findManifest(operation, connections, reference, wanted);
    const { manifest } = found;
    checkIsImage(manifest, reference);
    // What gave the manifest is asked first for the rest.
    const ordered = [found.connection, ...connections.filter((each) => each !== found.connection)];
    const configBytes = await operation.smallBlob(ordered, manifest.config);
    const config = decodeImageConfig(configBytes);
    const otherPlatform = checkPlatform(config, wanted, request);
    const layers = pairLayers(manifest, config, reference, operation.limits.unpackedLayerBytes);
    const { digest } = found.index ?? found.fetched;
    listen({ kind: "resolved", digest, id: manifest.config.digest, layers: manifest.layers });
    const kept = new KeptParts(parts.staging);
    await pullLayers(parts, kept, ordered, layers, sink, listen);
    const image: PulledImage = {
      id: manifest.config.digest,
      config,
      configBytes,
      manifest,
      manifestBytes: found.fetched.bytes,
      manifestMediaType: found.mediaType,
      manifestDigest: found.fetched.digest,
      digest: (found.index ?? found.fetched).digest,
      ...(found.index === undefined ? {} : { index: found.index }),
      layers,
      repository: `${reference.domain}/${reference.path}`,
      ...(otherPlatform === undefined ? {} : { otherPlatform }),
    };
    await sink.takeImage(image);
    kept.drop();
    return image;
  } catch (thrown) {
    if (operation.signal.aborted) throw cancelled(`the pull of ${familiarName(reference)}`);
    throw pullError(thrown, reference);
  }
}

async function findManifest(
  operation: Operation,
  connections: readonly Connection[],
  reference: Reference,
  wanted: Platform,
): Promise<FoundManifest> {
  let index: FetchedManifest | undefined;
  let digest = reference.digest;
  let from = connections;
  for (let depth = 0; depth <= limitIndexDepth; depth += 1) {
    const { connection, ...fetched } = await operation.manifest(from, reference, digest);
    const document = decodeImageDocument(fetched.bytes, fetched.mediaType);
    if (document.kind === "manifest") {
      return { fetched, manifest: document.manifest, mediaType: document.mediaType, index, connection };
    }
    index ??= { ...fetched, mediaType: document.mediaType };
    const chosen = choosePlatform(document.index.manifests, wanted);
    digest = chosen.digest;
    from = [connection, ...connections.filter((each) => each !== connection)];
  }
  throw new TiffinError(
    "invalid",
    "registry.nested-index",
    `${familiarName(reference)} is an index of indexes, more than ${limitIndexDepth} deep`,
  );
}

function checkIsImage({ config, artifactType, layers }: OciManifest, reference: Reference): void {
  const kind = artifactType ?? config.mediaType;
  if (!configTypes.includes(config.mediaType)) {
    throw new TiffinError(
      "invalid",
      "registry.not-an-image",
      `${familiarName(reference)} is no container image but an artifact of type ${kind}`,
    );
  }
  if (layers.length > limitLayers) {
    throw new TiffinError(
      "invalid",
      "registry.too-large",
      `${familiarName(reference)} has ${layers.length} layers, at most ${limitLayers} are taken`,
    );
  }
}

/** Throws when another platform was asked for by name; otherwise says which one it is. */
function checkPlatform(config: OciImageConfig, wanted: Platform, request: PullRequest): string | undefined {
  const found = platformOf(config);
  if (runsOn(found, wanted)) return undefined;
  if (request.platform === undefined) return formatPlatform(found);
  throw new TiffinError(
    "notFound",
    "registry.other-platform",
    `image with reference ${familiarName(request.reference)} was found but does not provide the specified platform (${formatPlatform(wanted)}): it is for ${formatPlatform(found)}`,
  );
}

function tooLarge({ digest, size }: OciDescriptor, reference: Reference, limitBytes: number): TiffinError {
  return new TiffinError(
    "invalid",
    "registry.too-large",
    `layer ${digest} of ${familiarName(reference)} has ${size} bytes, at most ${limitBytes} are taken`,
    { remedy: "start the engine with a larger --unpacked-limit if it is to be trusted" },
  );
}

/** No layer is larger than what it may unpack to. */
function pairLayers(
  manifest: OciManifest,
  config: OciImageConfig,
  reference: Reference,
  limitBytes: number,
): PulledLayer[] {
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== manifest.layers.length) {
    throw new TiffinError(
      "invalid",
      "registry.layer-count",
      `the manifest of ${familiarName(reference)} has ${manifest.layers.length} layers, its configuration ${diffIds.length}`,
    );
  }
  return manifest.layers.flatMap((descriptor, index) => {
    if (descriptor.size > limitBytes) throw tooLarge(descriptor, reference, limitBytes);
    const diffId = diffIds[index];
    return diffId === undefined ? [] : [{ diffId, descriptor }];
  });
}

/** Blobs that have become layers already, and are kept for the next try until all of the image is there. */
class KeptParts {
  readonly #staging: Staging;
  #descriptors: OciDescriptor[] = [];

  constructor(staging: Staging) {
    this.#staging = staging;
  }

  add(descriptor: OciDescriptor): void {
    this.#descriptors.push(descriptor);
  }

  /** False when there is nothing. */
  drop(): boolean {
    const dropped = this.#descriptors;
    this.#descriptors = [];
    for (const descriptor of dropped) this.#staging.drop(descriptor);
    return dropped.length > 0;
  }
}

/** Of a store that has no room. */
function isNoRoom(thrown: unknown): boolean {
  return thrown instanceof TiffinError && thrown.kind === "unavailable" && noRoomCodes.includes(thrown.code);
}

/** A few at a time, lowest first; the first failure calls the others off. */
async function pullLayers(
  parts: PullParts,
  kept: KeptParts,
  connections: readonly Connection[],
  layers: readonly PulledLayer[],
  sink: LayerSink,
  listen: Listener,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([parts.operation.signal, stop.signal]);
  const seen = new Set<string>();
  const waiting: PulledLayer[] = [];
  for (const layer of layers) {
    if (seen.has(layer.diffId)) continue;
    seen.add(layer.diffId);
    if (await sink.hasLayer(layer.diffId)) {
      say(listen, layer.descriptor, "exists", layer.descriptor.size);
      // An earlier pull may have ended between its last step and its tidying up.
      kept.add(layer.descriptor);
      continue;
    }
    say(listen, layer.descriptor, "waiting", 0);
    waiting.push(layer);
  }
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let layer = waiting.shift(); layer !== undefined && !signal.aborted; layer = waiting.shift()) {
      try {
        await pullLayer(parts, kept, connections, layer, sink, listen, signal);
      } catch (thrown) {
        failures.push(thrown);
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: parts.operation.limits.parallelLayers }, worker));
  if (failures.length > 0) throw failures[0];
  if (signal.aborted) throw cancelled("the pull");
}

function say(
  listen: Listener,
  descriptor: OciDescriptor,
  state: Extract<PullProgress, { kind: "layer" }>["state"],
  currentBytes: number,
  reason?: string,
): void {
  listen({ kind: "layer", descriptor, state, currentBytes, ...(reason === undefined ? {} : { reason }) });
}

async function pullLayer(
  parts: PullParts,
  kept: KeptParts,
  connections: readonly Connection[],
  layer: PulledLayer,
  sink: LayerSink,
  listen: Listener,
  signal: AbortSignal,
): Promise<void> {
  const { descriptor, diffId } = layer;
  const host = connections[0]?.endpoint.host ?? "";
  const outcome = await parts.flights.fly(
    // The blob too: others of this host may claim to be the same layer, and be as large as they like.
    [host, diffId, descriptor.digest, descriptor.size].join(" "),
    async () => await sink.hasLayer(diffId),
    async () => {
      const take = (): Promise<TiffinError | undefined> =>
        takeLayer(parts, connections, layer, sink, listen, signal);
      const first = await take().catch((thrown: unknown) => {
        // What is kept for another time gives way to what is wanted now.
        if (isNoRoom(thrown) && kept.drop()) return take();
        throw thrown;
      });
      // What an earlier pull left was not what it should be; it is gone now.
      const second = first === undefined ? undefined : await take();
      if (second !== undefined) throw second;
      kept.add(descriptor);
    },
    () => say(listen, descriptor, "waiting", 0),
    signal,
  );
  // Of a pull that ended between its last step and its tidying up.
  if (outcome === "done") parts.staging.drop(descriptor);
  say(listen, descriptor, outcome === "done" ? "exists" : "complete", descriptor.size);
}

/** Returns the error when another try may do better. */
async function takeLayer(
  parts: PullParts,
  connections: readonly Connection[],
  layer: PulledLayer,
  sink: LayerSink,
  listen: Listener,
  signal: AbortSignal,
): Promise<TiffinError | undefined> {
  const { descriptor, diffId } = layer;
  const { limits } = parts.operation;
  using staged = parts.staging.open(descriptor);
  // A store that gives up must not wait for a registry that is silent.
  const stop = new AbortController();
  let current = 0;
  let toldMs = 0;
  const blob = readBlob({
    connections,
    descriptor,
    limits,
    signal: AbortSignal.any([signal, stop.signal]),
    staged,
    onBytes: (arrived) => {
      current = arrived;
      const now = monotonicMs();
      if (now - toldMs < tellEveryMs && arrived < descriptor.size) return;
      toldMs = now;
      say(listen, descriptor, "downloading", arrived);
    },
    onRetry: (reason) => say(listen, descriptor, "retrying", current, reason),
  });
  const tar = new VerifiedTar(blob, layer, limits.unpackedLayerBytes, sink.verifiesDiffIds !== true);
  try {
    await sink.takeLayer(layer, tar, signal);
    if (!tar.isVerified) {
      throw new TiffinError("internal", "registry.layer-not-read", `layer ${diffId} was not read to its end`);
    }
    return undefined;
  } catch (thrown) {
    // A store may wrap what its input threw.
    const cause = tar.failure ?? thrown;
    if (!(cause instanceof TiffinError)) throw thrown;
    // What is wrong with the content may be wrong with what an earlier pull left, and is of no use to a later one.
    const isWrong = cause.kind === "invalid";
    const hadBytes = staged?.hadBytes === true;
    if (isWrong || isNoRoom(cause)) staged?.remove();
    const named = unpackError(cause, diffId);
    if (isWrong && hadBytes) return named;
    throw named;
  } finally {
    stop.abort();
  }
}

/** The layer's tar, which ends by throwing when it is not the layer. */
class VerifiedTar implements AsyncIterable<Uint8Array> {
  readonly #blob: AsyncIterable<Uint8Array>;
  readonly #diffId: string;
  readonly #limitBytes: number;
  readonly #computes: boolean;
  #failure: unknown;
  #isVerified = false;

  constructor(
    blob: AsyncIterable<Uint8Array>,
    { diffId }: PulledLayer,
    limitBytes: number,
    computes: boolean,
  ) {
    this.#blob = blob;
    this.#diffId = diffId;
    this.#limitBytes = limitBytes;
    this.#computes = computes;
  }

  get isVerified(): boolean {
    return this.#isVerified;
  }

  get failure(): unknown {
    return this.#failure;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const check = this.#computes ? checkDigest(this.#diffId) : undefined;
    try {
      for await (const piece of decompress(this.#blob, this.#limitBytes)) {
        check?.update(piece);
        yield piece;
      }
      check?.verify(`layer ${this.#diffId} of the image's configuration`);
      this.#isVerified = true;
    } catch (thrown) {
      this.#failure = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
      throw this.#failure;
    }
  }
}

/** With the name of the layer, which who unpacks does not know. */
function unpackError(thrown: TiffinError, diffId: string): TiffinError {
  if (thrown.kind !== "invalid" || !thrown.code.startsWith("archive.")) return thrown;
  const text = `layer ${diffId} cannot be unpacked: ${thrown.message}`;
  return thrown.code === "archive.compression"
    ? new TiffinError("invalid", "registry.bad-layer", text, { cause: thrown })
    : new TiffinError("invalid", thrown.code, text, { cause: thrown });
}
