/**
 * What the registry client does for its callers, and what they do for it. Nothing here knows how images are stored: a pull
 * gives layers to a `LayerSink` as they arrive, a push takes them from a `PushSource`.
 */
import type { Reference } from "../../docker/reference.ts";
import type { OciDescriptor, OciImageConfig, OciManifest, Platform } from "../../oci/mod.ts";

/** What a user has given to be let in by one registry. */
export interface Credential {
  readonly username?: string;
  readonly password?: string;
  /** Of an OAuth login; takes the place of name and password. */
  readonly identityToken?: string;
  /** A bearer token that is sent as it is. */
  readonly registryToken?: string;
}

/** The credential for a registry by its host, as in a reference: `docker.io`, `localhost:5000`. */
export type CredentialSource = (host: string) => Promise<Credential | undefined> | Credential | undefined;

/** What a document was under: a manifest, an index or anything else that is tagged. */
export interface FetchedManifest {
  /** Of its bytes. */
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface PulledLayer {
  /** Digest of the uncompressed tar: `sha256:<hex>`. */
  readonly diffId: string;
  /** As the manifest names it: digest, size and media type of the blob. */
  readonly descriptor: OciDescriptor;
}

export interface PulledImage {
  /** The image's id: digest of its configuration. */
  readonly id: string;
  readonly config: OciImageConfig;
  readonly configBytes: Uint8Array;
  /** The manifest of this platform, byte for byte, and its digest. */
  readonly manifest: OciManifest;
  readonly manifestBytes: Uint8Array;
  readonly manifestMediaType: string;
  readonly manifestDigest: string;
  /** What the reference itself names: the index when there is one, else the manifest. It is the `@sha256:` of RepoDigests. */
  readonly digest: string;
  /** The index, byte for byte, when the reference names one. */
  readonly index?: FetchedManifest;
  readonly layers: readonly PulledLayer[];
  /** Where its blobs can be had again: `docker.io/library/busybox`. */
  readonly repository: string;
  /** The image is not for the platform that was wanted; only where none was asked for by name. */
  readonly otherPlatform?: string;
}

/** Takes what is pulled. Implemented by who stores images. */
export interface LayerSink {
  /**
   * The store computes the digest of what it stores anyway, and `takeLayer` fails when that is not the layer's `diffId`: then it is
   * not computed a second time on the way.
   */
  readonly verifiesDiffIds?: boolean;
  /** Whether the layer is there, whole. Asked again after waiting for somebody else's pull of it. */
  hasLayer(diffId: string): boolean | Promise<boolean>;
  /**
   * Stores a layer from its uncompressed tar. The digest is verified by the last step of `tar`: it throws instead of ending
   * when the bytes are not the layer's, so nothing may be kept of a layer before the loop over it has ended. A piece is valid
   * until the next one is asked for. Leaving the loop early ends the download.
   */
  takeLayer(layer: PulledLayer, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** All layers are there: the image is made known. */
  takeImage(image: PulledImage): void | Promise<void>;
}

export type PullProgress =
  /** The image has been found; `layers` lowest first. */
  | {
      readonly kind: "resolved";
      readonly digest: string;
      /** The image's. */
      readonly id: string;
      readonly layers: readonly OciDescriptor[];
    }
  | {
      readonly kind: "layer";
      readonly descriptor: OciDescriptor;
      /** `waiting`: another pull fetches it, or it is not its turn. */
      readonly state: "waiting" | "exists" | "downloading" | "retrying" | "complete";
      /** Bytes of the blob that have arrived. */
      readonly currentBytes: number;
      /** Why, for `retrying`. */
      readonly reason?: string;
    };

export interface PullRequest {
  /** Tag or digest; neither is `latest`. */
  readonly reference: Reference;
  /** As the user gave it; left out, the host's. An image of one platform only is then taken whatever it is. */
  readonly platform?: Platform;
  readonly credentials?: CredentialSource;
}

/** A layer of an image that is pushed. */
export interface PushedLayer {
  readonly diffId: string;
  /** The blob that the image's manifest names, when it has one. */
  readonly descriptor?: OciDescriptor;
  /** Repositories that have had this blob: `docker.io/library/busybox`. */
  readonly sources: readonly string[];
  /** The uncompressed tar; its digest is verified. A piece may be taken back when the next one is asked for. */
  openTar(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** The blob of `descriptor`, where it has been kept. */
  openBlob?(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** How an image is written to a registry, where that is not left to us. */
export interface PushForm {
  /** Of layers that the registry has not had as another blob, or with `force` of all. */
  readonly compression?: LayerCompression;
  readonly force?: boolean;
  /** Whose media types; left out, those that the image came with, else OCI's. */
  readonly types?: "oci" | "docker";
  /** Under its digest, without a tag. */
  readonly byDigest?: boolean;
  /** Of the manifest, beside those that it has. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export type LayerCompression = "uncompressed" | "gzip" | "zstd";

export interface PushRequest {
  readonly form?: PushForm;
  /** The reference's registry counts as one of `insecureRegistries`. */
  readonly insecure?: boolean;
  readonly reference: Reference;
  readonly configBytes: Uint8Array;
  /** Lowest first. */
  readonly layers: readonly PushedLayer[];
  /** The manifest that the image came with; it is pushed as it is when every blob of it can be. */
  readonly manifestBytes?: Uint8Array;
  readonly credentials?: CredentialSource;
}

export type PushProgress = {
  readonly kind: "layer";
  /** Of the layer; the blob may have no digest yet. */
  readonly diffId: string;
  /** `mounted`: taken from another repository of the same registry; `copied`: from `from`. */
  readonly state: "preparing" | "exists" | "mounted" | "pushing" | "retrying" | "complete";
  readonly currentBytes: number;
  /** Unknown while it is compressed. */
  readonly totalBytes?: number;
  readonly from?: string;
  readonly reason?: string;
};

export interface PushedImage {
  readonly digest: string;
  /** Of the manifest, bytes. */
  readonly size: number;
  readonly mediaType: string;
  /** The manifest as it was pushed. */
  readonly manifestBytes: Uint8Array;
  /** The image was pulled with another manifest, whose blobs could not be had again. */
  readonly recompressed: boolean;
  /** Blobs by their layers, to be remembered as sources of the repository. */
  readonly layers: readonly { readonly diffId: string; readonly descriptor: OciDescriptor }[];
}

export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly official: boolean;
  readonly automated: boolean;
}

export interface LoginResult {
  /** To be kept in place of the password, when the registry gives one. */
  readonly identityToken?: string;
}

/** The client. One for the life of an engine: pulls of one layer at the same time meet here. */
export interface RegistryClient {
  /** What the reference names now, without its bytes. */
  resolve(
    reference: Reference,
    options?: ManifestOptions,
  ): Promise<{ readonly digest: string; readonly mediaType: string; readonly size: number }>;
  /** The document that the reference names, as it is, verified. */
  manifest(reference: Reference, options?: ManifestOptions): Promise<FetchedManifest>;
  /** Every tag of the repository, in the registry's order. */
  tags(reference: Reference, options?: ManifestOptions): Promise<string[]>;
  /** A small blob, a configuration say, verified; at most 4 MiB. */
  smallBlob(reference: Reference, descriptor: OciDescriptor, options?: ManifestOptions): Promise<Uint8Array>;
  pullImage(
    request: PullRequest,
    sink: LayerSink,
    onProgress?: (progress: PullProgress) => void,
    signal?: AbortSignal,
  ): Promise<PulledImage>;
  pushImage(
    request: PushRequest,
    onProgress?: (progress: PushProgress) => void,
    signal?: AbortSignal,
  ): Promise<PushedImage>;
  /** Puts a document under the reference's tag, or under its digest; returns the digest. */
  putManifest(
    reference: Reference,
    bytes: Uint8Array,
    mediaType: string,
    options?: ManifestOptions,
  ): Promise<string>;
  /** Makes a blob of `from`'s registry known to the reference's repository; false when the registry would not. */
  mountBlob(
    reference: Reference,
    digest: string,
    from: Reference,
    options?: ManifestOptions,
  ): Promise<boolean>;
  search(term: string, options?: SearchOptions): Promise<SearchResult[]>;
  /** What is behind a URL of http or https; `what` names it in errors: `import from https://...`. */
  openUrl(url: URL, what: string, signal: AbortSignal): Promise<OpenedUrl>;
  /** Whether the registry lets the credential in; throws `unauthorized`. `host` as in a reference. */
  login(host: string, credential: Credential, signal?: AbortSignal): Promise<LoginResult>;
}

export interface OpenedUrl {
  /** Where it is said. */
  readonly totalBytes: number | undefined;
  readonly pieces: AsyncIterable<Uint8Array>;
}

export interface ManifestOptions {
  /** The reference's registry counts as one of `insecureRegistries`. */
  readonly insecure?: boolean;
  readonly credentials?: CredentialSource;
  readonly signal?: AbortSignal;
}

export interface SearchOptions extends ManifestOptions {
  /** `docker.io` unless given. */
  readonly host?: string;
  readonly limit?: number;
}

/** How a client finds registries and how patient it is. All paths are absolute. */
export interface RegistryOptions {
  /** Sent as `User-Agent`. */
  readonly userAgent: string;
  /** Where parts of blobs are kept while they arrive, so that a pull which is cut off goes on where it was. */
  readonly stagingDirectory?: string;
  /** Hosts (`host`, `host:port`, or CIDR of addresses) that may speak plain HTTP or have no valid certificate; loopback always may. */
  readonly insecureRegistries?: readonly string[];
  /** Mirrors of docker.io as URLs, tried in order before it. */
  readonly mirrors?: readonly string[];
  /** Of the engine: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`, `SSL_CERT_DIR`. None unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Directories `HOST[:PORT]/{*.crt,*.cert,*.key,hosts.toml}`. */
  readonly certificateDirectories?: readonly string[];
  /** Files and directories in the form of containers' registries.conf(5), later ones win. */
  readonly registriesConf?: readonly string[];
  /** For registries that no request brings a credential for. */
  readonly credentials?: CredentialSource;
  readonly limits?: Partial<RegistryLimits>;
}

export interface RegistryLimits {
  /** Layers of one pull, or blobs of one push, on the way at the same time. */
  readonly parallelLayers: number;
  /** Connections for one large blob, where the line and not this machine is what it waits for. */
  readonly parallelRanges: number;
  /** No byte for so long is a stalled connection. */
  readonly stallMs: number;
  /** Fewer bytes than this in a second, on average over `stallMs`, are a stalled connection too. */
  readonly slowestBytesPerSecond: number;
  /** Tries in a row without progress, of one request or one blob. */
  readonly tries: number;
  /** First pause between two tries; it doubles. */
  readonly backoffMs: number;
  /** Longest pause that a `Retry-After` is obeyed for. */
  readonly longestRetryAfterMs: number;
  /** A layer may be unpacked to so many bytes. */
  readonly unpackedLayerBytes: number;
}
