/** The client: what `contract.ts` promises, put together. */
import type { Reference } from "../../docker/reference.ts";
import { decodeImageDocument } from "../../oci/decode/image-spec.ts";
import { indexTypes, manifestTypes, type OciDescriptor } from "../../oci/mod.ts";
import type {
  Credential,
  FetchedManifest,
  LayerSink,
  LoginResult,
  ManifestOptions,
  OpenedUrl,
  PulledImage,
  PullProgress,
  PullRequest,
  PushedImage,
  PushProgress,
  PushRequest,
  RegistryClient,
  RegistryLimits,
  RegistryOptions,
  SearchOptions,
  SearchResult,
} from "./contract.ts";
import { LayerFlights } from "./layer-flights.ts";
import { defaultLimits } from "./limits.ts";
import { login } from "./login.ts";
import { Operation } from "./operation.ts";
import { pullImage } from "./pull-image.ts";
import { BlobPush } from "./push-blob.ts";
import { pushImage, putManifest } from "./push-image.ts";
import { search } from "./search.ts";
import { Staging } from "./staging.ts";
import { listTags } from "./tags.ts";

const never = new AbortController().signal;
const nothing = (): void => undefined;

/** Opens the client of one engine. */
export function openRegistryClient(options: RegistryOptions): RegistryClient {
  return new Client(options);
}

class Client implements RegistryClient {
  readonly #options: RegistryOptions;
  readonly #limits: RegistryLimits;
  readonly #flights = new LayerFlights();
  readonly #staging: Staging;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#staging = new Staging(options.stagingDirectory);
  }

  async resolve(
    reference: Reference,
    options: ManifestOptions = {},
  ): Promise<{ readonly digest: string; readonly mediaType: string; readonly size: number }> {
    const operation = this.#begin(options, reference.domain);
    const connections = operation.connections(reference, "pull");
    const head = await operation.first(connections, (connection) => operation.head(connection, reference));
    if (head !== undefined) return head;
    // A registry that does not say what a tag names is asked for the document itself.
    const { digest, mediaType, bytes } = await operation.manifest(connections, reference);
    return { digest, mediaType, size: bytes.length };
  }

  async manifest(reference: Reference, options: ManifestOptions = {}): Promise<FetchedManifest> {
    const operation = this.#begin(options, reference.domain);
    const found = await operation.manifest(operation.connections(reference, "pull"), reference);
    const { kind, mediaType } = decodeImageDocument(found.bytes, found.mediaType);
    const known = kind === "index" ? indexTypes : manifestTypes;
    return {
      digest: found.digest,
      mediaType: known.includes(found.mediaType) ? found.mediaType : mediaType,
      bytes: found.bytes,
    };
  }

  async tags(reference: Reference, options: ManifestOptions = {}): Promise<string[]> {
    const operation = this.#begin(options, reference.domain);
    const connections = operation.connections(reference, "pull");
    return await operation.first(connections, (connection) =>
      listTags(connection, reference, operation.signal),
    );
  }

  async smallBlob(
    reference: Reference,
    descriptor: OciDescriptor,
    options: ManifestOptions = {},
  ): Promise<Uint8Array> {
    const operation = this.#begin(options, reference.domain);
    return await operation.smallBlob(operation.connections(reference, "pull"), descriptor);
  }

  async pullImage(
    request: PullRequest,
    sink: LayerSink,
    onProgress: (progress: PullProgress) => void = nothing,
    signal: AbortSignal = never,
  ): Promise<PulledImage> {
    const { credentials } = request;
    const operation = this.#begin({ signal, ...(credentials === undefined ? {} : { credentials }) });
    this.#staging.collect();
    const parts = { operation, flights: this.#flights, staging: this.#staging };
    return await pullImage(parts, request, sink, onProgress);
  }

  async pushImage(
    request: PushRequest,
    onProgress: (progress: PushProgress) => void = nothing,
    signal: AbortSignal = never,
  ): Promise<PushedImage> {
    const { credentials } = request;
    const { reference, insecure = false } = request;
    const options = { signal, insecure, ...(credentials === undefined ? {} : { credentials }) };
    const operation = this.#begin(options, reference.domain);
    return await pushImage(operation, request, onProgress);
  }

  async putManifest(
    reference: Reference,
    bytes: Uint8Array,
    mediaType: string,
    options: ManifestOptions = {},
  ): Promise<string> {
    const operation = this.#begin(options, reference.domain);
    const connections = operation.connections(reference, "push");
    return await operation.first(connections, (connection) =>
      putManifest(connection, reference, { bytes, mediaType }, operation.signal),
    );
  }

  async mountBlob(
    reference: Reference,
    digest: string,
    from: Reference,
    options: ManifestOptions = {},
  ): Promise<boolean> {
    const operation = this.#begin(options, reference.domain);
    const connections = operation.connections(reference, "push");
    return await operation.first(connections, async (connection) => {
      const push = new BlobPush(operation, connection);
      if (await push.exists(digest)) return true;
      return reference.domain === from.domain && (await push.mount(digest, [from.path])) !== undefined;
    });
  }

  async search(term: string, options: SearchOptions = {}): Promise<SearchResult[]> {
    return await search(this.#begin(options), term, options);
  }

  async openUrl(url: URL, what: string, signal: AbortSignal): Promise<OpenedUrl> {
    return await this.#begin({ signal }).openUrl(url, what);
  }

  async login(host: string, credential: Credential, signal: AbortSignal = never): Promise<LoginResult> {
    return await login(this.#begin({ signal }), host, credential);
  }

  /** `domain` is that of the reference, for what is to be insecure. */
  #begin({ credentials, signal = never, insecure = false }: ManifestOptions, domain?: string): Operation {
    const { insecureRegistries = [] } = this.#options;
    const options =
      insecure && domain !== undefined
        ? { ...this.#options, insecureRegistries: [...insecureRegistries, domain] }
        : this.#options;
    return new Operation({ options, limits: this.#limits, credentials, signal });
  }
}
