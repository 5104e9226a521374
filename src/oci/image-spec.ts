/**
 * OCI image documents (and Docker's schema 2, which has the same shape under other media types): index, manifest,
 * configuration. Field names are the specification's.
 */
export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  /** Never made here; named so that they can be refused by name. */
  dockerSchema1: "application/vnd.docker.distribution.manifest.v1+json",
  dockerSchema1Signed: "application/vnd.docker.distribution.manifest.v1+prettyjws",
} as const;

/** Media types of documents that list images, and of documents that are one. */
export const indexTypes: readonly string[] = [mediaTypes.index, mediaTypes.dockerManifestList];
export const manifestTypes: readonly string[] = [mediaTypes.manifest, mediaTypes.dockerManifest];
export const schema1Types: readonly string[] = [mediaTypes.dockerSchema1, mediaTypes.dockerSchema1Signed];
/** Configurations of images; a manifest with another one is an artifact: a chart, a signature. */
export const configTypes: readonly string[] = [mediaTypes.config, mediaTypes.dockerConfig];

/** What a manifest, an index or an image configuration may have, bytes. */
export const limitImageDocumentBytes = 4 * 1024 * 1024;

export interface OciPlatform {
  readonly architecture: string;
  readonly os: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  readonly variant?: string;
}

/** A pointer to content. `digest` is `sha256:` and 64 hex digits (or another registered algorithm). */
export interface OciDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly data?: string;
  readonly artifactType?: string;
  readonly platform?: OciPlatform;
}

export interface OciIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly OciDescriptor[];
  readonly subject?: OciDescriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface OciManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: OciDescriptor;
  readonly layers: readonly OciDescriptor[];
  readonly subject?: OciDescriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface OciHealthcheck {
  readonly Test?: readonly string[];
  /** Nanoseconds. */
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** What a container of the image gets by default. */
export interface OciImageDefaults {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, Record<string, never>>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly ArgsEscaped?: boolean;
  /** Docker's additions. */
  readonly Healthcheck?: OciHealthcheck;
  readonly OnBuild?: readonly string[];
  /** Seconds; -1 is no limit. */
  readonly StopTimeout?: number;
  readonly Shell?: readonly string[];
}

export interface OciHistory {
  readonly created?: string;
  readonly author?: string;
  readonly created_by?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

export interface OciImageConfig {
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly os: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  readonly variant?: string;
  readonly config?: OciImageDefaults;
  readonly rootfs: {
    readonly type: "layers";
    /** Digests of the uncompressed layers, lowest first. */
    readonly diff_ids: readonly string[];
  };
  readonly history?: readonly OciHistory[];
  /** Docker's additions. */
  readonly docker_version?: string;
  readonly comment?: string;
}

/** What a tag or a digest names: one image, or a list of them. */
export type ImageDocument =
  | { readonly kind: "manifest"; readonly mediaType: string; readonly manifest: OciManifest }
  | { readonly kind: "index"; readonly mediaType: string; readonly index: OciIndex };
